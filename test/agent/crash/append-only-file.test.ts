import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aofFiles, AofPositions, databaseAt, setAside, tailOf } from "../../../agent/crash/append-only-file.ts";

let data: string;
const aof = (): string => path.join(data, "appendonlydir");
const write = (name: string, text: string): void => fs.writeFileSync(path.join(aof(), name), text);

beforeEach(() => {
  data = fs.mkdtempSync(path.join(os.tmpdir(), "rha-aof-"));
  fs.mkdirSync(aof());
});
afterEach(() => fs.rmSync(data, { recursive: true, force: true }));

describe("the files of an append-only file", () => {
  it("are known by the manifest, the last incremental one being written", () => {
    const manifest = "file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n";
    write("appendonly.aof.manifest", manifest);
    write("a.2.incr.aof", "12345");
    expect(aofFiles(data)).toEqual({ manifest, file: path.join(aof(), "a.2.incr.aof"), bytes: 5 });
  });

  it("are not known without a manifest, without an incremental file in it, or when that is missing", () => {
    expect(aofFiles(data)).toBeUndefined();
    write("appendonly.aof.manifest", "file a.1.base.rdb seq 1 type b\n");
    expect(aofFiles(data)).toBeUndefined();
    write("appendonly.aof.manifest", "file a.1.incr.aof seq 1 type i\n");
    expect(aofFiles(data)).toBeUndefined();
  });
});

describe("positions", () => {
  const at = (bytes: number, manifest = "m") => ({ manifest, file: "f", bytes });

  it("are certain at once while nothing is written", () => {
    expect(new AofPositions().observe(at(100), at(100), 188)).toBe(88);
  });

  it("become certain under load, when the ranges have one value in common", () => {
    const positions = new AofPositions();
    expect(positions.observe(at(100), at(150), 210)).toBeUndefined();
    expect(positions.observe(at(200), at(250), 288)).toBeUndefined();
    expect(positions.observe(at(300), at(350), 438)).toBe(88);
  });

  it("begin anew when the server counts otherwise than before", () => {
    const positions = new AofPositions();
    expect(positions.observe(at(100), at(100), 0)).toBe(-100);
    expect(positions.observe(at(100), at(110), 200)).toBeUndefined();
    expect(positions.observe(at(120), at(120), 208)).toBe(88);
  });

  it("begin anew with another manifest, and for another process", () => {
    const positions = new AofPositions();
    expect(positions.observe(at(100), at(100), 188)).toBe(88);
    expect(positions.observe(at(100), at(100, "n"), 188)).toBeUndefined();
    expect(positions.observe(at(10, "n"), at(20, "n"), 18)).toBeUndefined();
    expect(positions.observe(at(30, "n"), at(30, "n"), 30)).toBe(0);
    positions.forget();
    expect(positions.observe(at(30, "n"), at(40, "n"), 35)).toBeUndefined();
  });
});

describe("the end of a file", () => {
  it("is what stands behind a position, within bounds", () => {
    write("f", "0123456789");
    const file = path.join(aof(), "f");
    expect(tailOf(file, 6, 100).toString()).toBe("6789");
    expect(tailOf(file, 10, 100)).toHaveLength(0);
    expect(() => tailOf(file, 11, 100)).toThrow("shorter than it was");
    expect(() => tailOf(file, 2, 4)).toThrow("has 8 bytes since the last sample");
  });

  it("is meant for the database of the last SELECT before it, however far back that is", () => {
    const select = (db: number): string => `*2\r\n$6\r\nSELECT\r\n$${String(db).length}\r\n${db}\r\n`;
    const filler = "x".repeat(9 * 1024 * 1024);
    write("f", select(3) + select(12) + filler + select(5));
    const file = path.join(aof(), "f");
    const { size } = fs.statSync(file);
    expect(databaseAt(file, size)).toBe(5);
    expect(databaseAt(file, size - select(5).length)).toBe(12);
    expect(databaseAt(file, select(3).length)).toBe(3);
    expect(() => databaseAt(file, 0)).toThrow("does not say which database");
  });

  it("finds a SELECT that lies across two of the parts that it reads", () => {
    const select = "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n";
    for (const before of [1, 8, 16, 20]) {
      write("f", "y".repeat(50) + select + "x".repeat(8 * 1024 * 1024 - before));
      const file = path.join(aof(), "f");
      expect(databaseAt(file, fs.statSync(file).size), `${before} bytes before the border`).toBe(7);
    }
  });
});

describe("set aside", () => {
  it("keeps the files as they are, and of several only the last two", () => {
    write("f", "first");
    const kept = [1, 2, 3].map((day) => setAside(data, new Date(Date.UTC(2030, 0, day))));
    expect(fs.readdirSync(data).filter((name) => name.startsWith("crashed-"))).toEqual(
      kept.slice(1).map((it) => path.basename(it)),
    );
    fs.rmSync(aof(), { recursive: true });
    expect(fs.readFileSync(path.join(kept[2] ?? "", "f"), "utf8")).toBe("first");
  });
});
