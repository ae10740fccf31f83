import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { waitFor } from "../../../agent/processes.ts";
import { batch } from "../../../drill/netns.ts";
import { authorityCertificate, newKey, nodeCertificate } from "../../../secrets/x509.ts";
import type { Lab } from "../../../tools/lab/lab.ts";
import { controlAddress } from "../../../tools/lab/records.ts";
import { type Moto, startMoto } from "../moto.ts";

/** Where EC2 tells a machine about itself. */
const METADATA = "169.254.169.254";
const READY_TIMEOUT_MS = 30_000;

/** Takes TLS off, as AWS's own front does: address and port of what it hands on to, then files with certificate and key. */
const FRONT = `
  const [address, certificate, key] = process.argv.slice(1);
  const [fs, net, tls] = ["fs", "net", "tls"].map((name) => require(name));
  const options = { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) };
  tls.createServer(options, (socket) => {
    const behind = net.connect(80, address);
    for (const each of [socket, behind]) each.on("error", () => [socket, behind].forEach((it) => it.destroy()));
    socket.pipe(behind).pipe(socket);
  }).listen(443, address, () => console.log("ready"));
`;

/** What a machine finds of AWS inside a lab: the metadata service, and Parameter Store under its own name, by TLS. */
export class Services {
  private constructor(
    /** For AWS_ENDPOINT_URL of those who are not machines. */
    readonly url: string,
    private readonly moto: Moto,
    private readonly front: ChildProcess,
  ) {}

  /** @param names the hosts' names for it */
  static async start(lab: Lab, names: readonly string[]): Promise<Services> {
    const { control, hosts, folder } = lab.record;
    batch(["-n", control], `address add ${METADATA}/32 dev bridge`);
    for (const { namespace } of hosts) batch(["-n", namespace], `route add ${METADATA} dev host0`);
    const moto = await startMoto({}, { command: (line) => lab.command(line), address: controlAddress, port: 80 });

    const key = await newKey();
    const authority = { certificate: await authorityCertificate("the lab", key), key };
    fs.mkdirSync(path.join(folder, "cloud"), { recursive: true });
    const [certificateFile, keyFile] = ["front.pem", "front.key"].map((name) => path.join(folder, "cloud", name)) as [
      string,
      string,
    ];
    const frontKey = await newKey();
    fs.writeFileSync(keyFile, frontKey, { mode: 0o600 });
    fs.writeFileSync(certificateFile, await nodeCertificate(authority, { dns: [...names], addresses: [] }, frontKey));
    fs.writeFileSync(authorityFile(lab), authority.certificate);
    const [file = "", ...args] = lab.command([
      ...[process.execPath, "-e", FRONT, controlAddress],
      ...[certificateFile, keyFile],
    ]);
    const front = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    let ready = false;
    front.stdout.once("data", () => (ready = true));
    await waitFor("the front of AWS listens", () => ready || undefined, READY_TIMEOUT_MS);
    return new Services(moto.url, moto, front);
  }

  async stop(): Promise<void> {
    this.front.kill("SIGKILL");
    await this.moto.stop();
  }
}

/** Who has signed the front's certificate. */
export const authorityFile = (lab: Lab): string => path.join(lab.record.folder, "cloud", "authority.pem");
