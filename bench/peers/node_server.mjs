// scimmy-routers as its README shows it, with handlers over a Map: what the library asks for.
// Values that must be unique are found by a Map too, so that what grows is the library's own.
// Arguments: port, token, and the milliseconds after which the store answers: 0 for at once.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token, latency] = process.argv.slice(2);
const answered = Number(latency) ? () => pause(Number(latency)) : () => undefined;

function declare(type, unique) {
  const held = new Map();
  const owners = new Map();
  const gone = (id) => new SCIMMY.Types.Error(404, null, `${id} not found`);
  SCIMMY.Resources.declare(type)
    .ingress(async (resource, data) => {
      await answered();
      const plain = JSON.parse(JSON.stringify(data));
      const id = resource.id ?? randomUUID();
      const before = held.get(id);
      if (resource.id && !before) throw gone(id);
      const value = plain[unique]?.toLowerCase();
      if ((owners.get(value) ?? id) !== id) {
        throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      }
      if (before) owners.delete(before[unique]?.toLowerCase());
      owners.set(value, id);
      const now = new Date().toISOString();
      const made = { ...plain, id, meta: { created: before?.meta.created ?? now, lastModified: now } };
      held.set(id, made);
      return structuredClone(made);
    })
    .egress(async (resource) => {
      await answered();
      if (resource.id) {
        if (!held.has(resource.id)) throw gone(resource.id);
        return structuredClone(held.get(resource.id));
      }
      const all = [...held.values()];
      return structuredClone(resource.filter?.match(all) ?? all);
    })
    .degress(async (resource) => {
      await answered();
      const before = held.get(resource.id);
      if (!before) throw gone(resource.id);
      owners.delete(before[unique]?.toLowerCase());
      held.delete(resource.id);
    });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
declare(SCIMMY.Resources.User, "userName");
declare(SCIMMY.Resources.Group, "displayName");
const app = express();
app.use("/scim", new SCIMMYRouters({
  type: "bearer",
  docUri: "https://example.com/docs",
  handler: (request) => {
    if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("no token");
    return "entra";
  },
}));
app.listen(Number(port), "127.0.0.1", () => console.log("listening"));
