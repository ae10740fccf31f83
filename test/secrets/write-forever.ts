import { FileStore } from "../../secrets/file-store.ts";

/** Writes one value after the other until it is killed: a megabyte of one letter each. */
const store = new FileStore(process.argv[2] ?? "");
for (let round = 0; ; round++) {
  await store.write("users/app", String.fromCharCode(97 + (round % 26)).repeat(1_000_000));
  if (round === 0) process.stdout.write("writing\n");
}
