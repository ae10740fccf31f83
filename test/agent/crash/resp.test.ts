import { describe, expect, it, test } from "vitest";
import { commandAt, nameOf, remainderOf } from "../../../agent/crash/resp.ts";

const command = (...args: string[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;
const bytes = (...commands: string[][]): Buffer => Buffer.from(commands.map((args) => command(...args)).join(""));
const set = (n: number): string[] => ["SET", `k${n}`, `v${n}`];
const names = (stream: Buffer, file: Buffer): string[] =>
  remainderOf(stream, file).commands.map(({ args }) => args.map(String).join(" "));

describe("commandAt", () => {
  it("reads a command with any bytes in it", () => {
    const raw = Buffer.concat([
      Buffer.from("*2\r\n$3\r\nSET\r\n$4\r\n"),
      Buffer.from([0, 13, 10, 255]),
      Buffer.from("\r\n"),
    ]);
    const read = commandAt(raw, 0);
    expect(read?.end).toBe(raw.length);
    expect(read?.args[1]).toEqual(Buffer.from([0, 13, 10, 255]));
  });

  it("says of every shorter text that it is not complete", () => {
    const raw = bytes(["SET", "key", "value"]);
    for (let length = 0; length < raw.length; length++) expect(commandAt(raw.subarray(0, length), 0)).toBeUndefined();
    expect(nameOf(commandAt(raw, 0)!)).toBe("set");
  });

  it("refuses what is no command", () => {
    expect(() => commandAt(Buffer.from("#TS:1700000000\r\n"), 0)).toThrow("no command at byte 0");
    expect(() => commandAt(Buffer.from("*x\r\n"), 0)).toThrow("no command");
  });
});

describe("what a file has more than a stream", () => {
  const select = ["SELECT", "0"];
  const multi = [["MULTI"], set(8), set(9), ["EXEC"]];
  const cases: [string, string[][], string[][], string[][]][] = [
    ["nothing, when both are equal", [set(1), set(2)], [set(1), set(2)], []],
    ["the end", [set(1)], [set(1), set(2), set(3)], [set(2), set(3)]],
    ["everything, when the stream is empty", [], [set(1), set(2)], [set(1), set(2)]],
    ["only what changes data", [set(1), ["PING"], ["REPLCONF", "GETACK", "*"], ["PUBLISH", "c", "m"]], [set(1)], []],
    ["the end behind a PING", [["PING"], set(1), ["PING"]], [set(1), set(2)], [set(2)]],
    ["nothing more for a SELECT of one side", [select, set(1)], [set(1), set(2)], [set(2)]],
    ["nothing more for a SELECT of the other", [set(1)], [select, set(1), set(2)], [set(2)]],
    ["whole transactions", [set(1)], [set(1), ...multi], multi],
    ["no transaction that is not complete", [set(1)], [set(1), set(2), ["MULTI"], set(8)], [set(2)]],
    [
      "the right number of equal commands",
      [["INCR", "n"]],
      [
        ["INCR", "n"],
        ["INCR", "n"],
        ["INCR", "n"],
      ],
      [
        ["INCR", "n"],
        ["INCR", "n"],
      ],
    ],
  ];
  test.each(cases)("%s", (_, stream, file, expected) => {
    expect(names(bytes(...stream), bytes(...file))).toEqual(expected.map((args) => args.join(" ")));
  });

  it("leaves a last command out that was not written to its end", () => {
    const file = bytes(set(1), set(2));
    expect(names(bytes(set(1)), file.subarray(0, file.length - 3))).toEqual([]);
  });

  it("knows the database, if the common part says so", () => {
    expect(remainderOf(bytes(["SELECT", "3"], set(1)), bytes(["SELECT", "3"], set(1), set(2))).db).toBe(3);
    expect(remainderOf(bytes(set(1)), bytes(set(1), set(2))).db).toBeUndefined();
  });

  it("is nothing when the replica has more, because the file was not written yet", () => {
    expect(names(bytes(set(1), set(2)), bytes(set(1)))).toEqual([]);
    expect(names(bytes(set(1), set(2)), bytes(set(1), set(2)).subarray(0, -3))).toEqual([]);
  });

  it("refuses when the replica has another command", () => {
    expect(() => remainderOf(bytes(set(1), set(7)), bytes(set(1), set(2)))).toThrow(/the replica has a set where/);
  });

  it("refuses a stream that ends inside a command", () => {
    expect(() => remainderOf(bytes(set(1)).subarray(0, 10), bytes(set(1)))).toThrow("ends inside a command");
  });
});
