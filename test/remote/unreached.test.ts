import { expect, it } from "vitest";
import { NoWay, unreached } from "../../remote/unreached.ts";

const bastion = { name: "bastion", addressPath: "/bastion-address", addressFile: ".state/prod/bastion" };
const behind = (text: string) =>
  unreached(text, {
    name: "admin@10.0.1.10",
    address: "10.0.1.10",
    reach: { user: "admin", port: 22, knownHostsFile: "known_hosts", bastion },
    bastionAddress: "198.51.100.7",
  });

/** What ssh prints, and what is made of it. */
it.each([
  [
    "ssh: connect to host 198.51.100.7 port 22: Connection refused\nkex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535",
    "the bastion cannot be reached: ssh: connect to host 198.51.100.7 port 22: Connection refused",
    "bastion",
  ],
  [
    "admin@198.51.100.7: Permission denied (publickey).\nkex_exchange_identification: Connection closed by remote host",
    "the bastion 198.51.100.7 does not take",
    "bastion",
  ],
  [
    "channel 0: open failed: connect failed: No route to host\nkex_exchange_identification: Connection closed by remote host",
    "the way there ended before the host said who it is",
    "host",
  ],
  ["Timeout, server 198.51.100.7 not responding.", "the connection broke (Timeout, server 198.51.100.7", "bastion"],
  ["client_loop: send disconnect: Broken pipe", "What had begun may go on there", "bastion"],
])("%s", (said, message, at) => {
  const error = behind(said);
  expect(error.message).toContain(message);
  expect(error.at).toBe(at);
  expect(error).not.toBeInstanceOf(NoWay);
});

it.each([
  ["sh: 1: session-manager-plugin: not found on this computer; install", true],
  ["Warning: Identity file k not accessible: No such file or directory.\nconnect: Connection refused", false],
  ["sh: nc: not found", false],
])("is nothing to wait for: %s, %s", (said, forGood) => {
  expect(behind(said) instanceof NoWay).toBe(forGood);
});
