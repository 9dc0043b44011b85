// Prints what Microsoft's language service says of queries: `node kusto.cjs TABLES.json FILE…`.
// The package is scripts for a browser: they are run here, not imported.
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { runInThisContext } = require("node:vm");

const folder = dirname(require.resolve("@kusto/language-service-next/package.json"));
for (const each of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  runInThisContext(readFileSync(join(folder, each), "utf8"));
}
const { Symbols, KustoCode, GlobalState, Diagnostic } = Kusto.Language;
const [described, ...files] = process.argv.slice(2);
const tables = Object.entries(JSON.parse(described)).map(([name, columns]) =>
  Symbols.TableSymbol.From(columns).WithName(name),
);
const members = System.Array.init(tables, Symbols.Symbol);
const state = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1("logs", members));
for (const file of files) {
  const found = KustoCode.ParseAndAnalyze(readFileSync(file, "utf8"), state).GetDiagnostics();
  for (let n = 0; n < System.Array.getCount(found, Diagnostic); n++) {
    const each = System.Array.getItem(found, n, Diagnostic);
    console.log(`${file}: ${each.Message}`);
  }
}
