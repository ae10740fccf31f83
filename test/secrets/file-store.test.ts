import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileStore } from "../../secrets/file-store.ts";
import { scratch } from "./places.ts";

const VALUE = "value-that-nobody-may-see";

describe("secrets in files", () => {
  let folder: string;
  let store: FileStore;
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const mode = (...parts: string[]): string => (fs.statSync(at(...parts)).mode & 0o777).toString(8);
  const errorOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => "no error",
      (error: Error) => error.message,
    );

  beforeEach(() => {
    folder = path.join(scratch(), "data", "store");
    store = new FileStore(folder);
  });
  const umask = process.umask();
  afterEach(() => void process.umask(umask));

  it.each([0o000, 0o022, 0o077])("are readable by their owner only, with a umask of %o", async (mask) => {
    process.umask(mask);
    await store.write("tls/nodes/redis-a.key", VALUE);
    expect([mode(), mode("tls"), mode("tls/nodes")]).toEqual(["700", "700", "700"]);
    expect(mode("tls/nodes/redis-a.key")).toBe("600");
    expect(await store.read("tls/nodes/redis-a.key")).toBe(VALUE);
  });

  it("are none as long as none is written, and nothing is made by looking", async () => {
    expect(await store.list()).toEqual([]);
    expect(await store.read("users/app")).toBeUndefined();
    expect(await store.changed("users/app")).toBeUndefined();
    await store.remove("users/app");
    expect(fs.existsSync(folder)).toBe(false);
  });

  it("are replaced, kept, listed in order and removed", async () => {
    expect(await store.write("users/app", "first")).toBe(true);
    expect(await store.write("users/app", "second")).toBe(true);
    expect(await store.write("users/app", "third", { ifAbsent: true })).toBe(false);
    expect(await store.write("revision", "1", { ifAbsent: true })).toBe(true);
    expect(await store.write("users/app.previous", "first")).toBe(true);
    expect(await store.read("users/app")).toBe("second");
    expect(await store.list()).toEqual(["revision", "users/app", "users/app.previous"]);
    expect(Math.abs(Date.now() - ((await store.changed("users/app"))?.getTime() ?? 0))).toBeLessThan(60_000);
    await store.remove("users/app");
    await store.remove("users/app");
    expect(await store.list()).toEqual(["revision", "users/app.previous"]);
  });

  it("are the first writer's when many write what was absent", async () => {
    for (let round = 0; round < 20; round++) {
      const values = Array.from({ length: 10 }, (_, index) => `${round}-${index}`);
      const name = `users/app-${round}`;
      const won = await Promise.all(values.map((value) => store.write(name, value, { ifAbsent: true })));
      expect(values.filter((_, index) => won[index])).toEqual([await store.read(name)]);
    }
  });

  it.each([
    "",
    "..",
    "../x",
    "users/../../x",
    "/etc/passwd",
    "users/",
    "users//app",
    ".hidden",
    "users/.x.tmp",
    "Users/app",
    "a b",
    "a\nb",
  ])("do not have the name %j", async (name) => {
    for (const use of [
      () => store.read(name),
      () => store.changed(name),
      () => store.write(name, VALUE),
      () => store.remove(name),
    ])
      expect(await errorOf(use())).toMatch(/^"[^]*" cannot be the name of a secret; use lower-case words/);
    expect(fs.existsSync(folder)).toBe(false);
  });

  it.each([
    ["the store's folder", [], "700"],
    ["a folder in it", ["users"], "700"],
    ["its file", ["users", "app"], "600"],
  ])("are refused when others may look into %s, with what mends it", async (_, parts, right) => {
    await store.write("users/app", VALUE);
    for (const wide of [0o040, 0o004, 0o020, 0o001]) {
      fs.chmodSync(at(...parts), Number.parseInt(right, 8) | wide);
      for (const use of [() => store.read("users/app"), () => store.list(), () => store.changed("users/app")]) {
        const error = await errorOf(use());
        expect(error).toContain(`chmod ${right} '${at(...parts)}'`);
        expect(error).not.toContain(VALUE);
      }
      if (right === "700") expect(await errorOf(store.write("users/app", "next"))).toContain("chmod 700");
    }
    fs.chmodSync(at(...parts), Number.parseInt(right, 8));
    expect(await store.read("users/app")).toBe(VALUE);
  });

  it("are refused behind symbolic links, of the store, a folder and a file", async () => {
    await store.write("users/app", VALUE);
    const link = path.join(scratch(), "link");
    fs.symlinkSync(folder, link);
    expect(await errorOf(new FileStore(link).read("users/app"))).toContain("is a symbolic link");

    fs.renameSync(at("users"), at("elsewhere"));
    fs.symlinkSync("elsewhere", at("users"));
    for (const use of [() => store.read("users/app"), () => store.list(), () => store.write("users/app", "next")])
      expect(await errorOf(use())).toContain(`${at("users")} is a symbolic link`);
    fs.rmSync(at("users"));
    fs.renameSync(at("elsewhere"), at("users"));

    fs.symlinkSync("app", at("users", "reader"));
    expect(await errorOf(store.read("users/reader"))).toContain(`${at("users", "reader")} is a symbolic link`);
    // What is put in the place of a link leaves alone what it led to.
    await store.write("users/reader", "own");
    expect(await store.read("users/app")).toBe(VALUE);
    expect(await store.read("users/reader")).toBe("own");
  });

  it("are refused when something else than a file has their name", async () => {
    await store.write("users/app", VALUE);
    expect(await errorOf(store.read("users"))).toContain("is no file; move it away");
  });

  it.runIf(process.getuid?.() === 0)("are refused when somebody else owns them", async () => {
    await store.write("users/app", VALUE);
    for (const parts of [[], ["users"], ["users", "app"]]) {
      fs.chownSync(at(...parts), 65534, 65534);
      expect(await errorOf(store.read("users/app"))).toContain(`${at(...parts)} belongs to the user with id 65534`);
      fs.chownSync(at(...parts), 0, 0);
    }
    expect(await store.read("users/app")).toBe(VALUE);
  });

  it("are not what a killed write has left: that is ignored, and removed when its writer must be dead", async () => {
    await store.write("users/app", VALUE);
    const [fresh, old] = [at("users", ".app.0a1b2c.tmp"), at("users", ".app.3d4e5f.tmp")];
    for (const file of [fresh, old]) fs.writeFileSync(file, "half a val", { mode: 0o600 });
    const longAgo = Date.now() / 1000 - 120;
    fs.utimesSync(old, longAgo, longAgo);
    expect(await store.list()).toEqual(["users/app"]);
    expect([fs.existsSync(fresh), fs.existsSync(old)]).toEqual([true, false]);

    fs.utimesSync(fresh, longAgo, longAgo);
    await store.write("users/reader", "next");
    expect(fs.readdirSync(at("users")).sort()).toEqual(["app", "reader"]);
  });

  it("are whole after their writer was killed, at whatever point", async () => {
    const script = path.join(import.meta.dirname, "write-forever.ts");
    for (let round = 0; round < 8; round++) {
      const writer = spawn(process.execPath, ["--import", "tsx", script, folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(writer.stdout, "data");
      await sleep(20 + round * 3.3);
      writer.kill("SIGKILL");
      await once(writer, "exit");
      const value = (await store.read("users/app")) ?? "";
      expect(value.length).toBe(1_000_000);
      expect(value === value.charAt(0).repeat(1_000_000)).toBe(true);
    }
  });
});
