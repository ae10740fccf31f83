import fs from "node:fs";
import path from "node:path";
import { downLab, Lab } from "../../../tools/lab/lab.ts";
import { controlAddress } from "../../../tools/lab/records.ts";
import { detachAllBelow } from "../host-volume.ts";
import { Instances } from "./instances.ts";
import { authorityFile, Services } from "./services.ts";

const REGION = "eu-central-1";
const NAMES = ["ssm", "s3"].map((service) => `${service}.${REGION}.amazonaws.com`);

/**
 * An AWS for tests: instances are hosts of a lab, volumes are files, Parameter Store is moto, and the rest is what the stand-in
 * provider keeps in a folder. Nothing leaves the lab's network.
 */
export class Cloud {
  private constructor(
    readonly lab: Lab,
    readonly instances: Instances,
    private readonly services?: Services,
  ) {}

  /** @param hosts the machines that there may be, with the address of each; none is on yet */
  static async up(name: string, hosts: Readonly<Record<string, string>>): Promise<Cloud> {
    await downLab(name);
    const lab = await Lab.up({ name, hosts });
    try {
      await Promise.all(lab.hosts.map((host) => host.powerLoss()));
      // Of a test that was killed.
      await detachAllBelow(lab.record.folder);
      const services = await Services.start(lab, NAMES);
      const cloud = new Cloud(lab, instancesOf(lab), services);
      cloud.writeHook();
      return cloud;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  /** For another process, while it is up. */
  static open(name: string): Cloud {
    const lab = Lab.open(name);
    if (!lab) throw new Error(`there is no lab ${name}`);
    return new Cloud(lab, instancesOf(lab));
  }

  async down(): Promise<void> {
    await Promise.all(this.lab.hosts.map((host) => host.powerLoss()));
    await this.instances.detachVolumes();
    await this.services?.stop();
    await this.lab.down();
  }

  /** For everything that asks AWS for something, Terraform included. */
  get environment(): Readonly<Record<string, string>> {
    return {
      STANDIN_STORE: this.store,
      STANDIN_HOOK: this.hook,
      AWS_ENDPOINT_URL: this.services?.url ?? "",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: "true",
    };
  }

  /** What Parameter Store has. @throws when it has no such parameter */
  async parameter(name: string): Promise<string> {
    const script = `const { SSMClient, GetParameterCommand } = require("@aws-sdk/client-ssm");
      new SSMClient({}).send(new GetParameterCommand({ Name: process.argv[1] })).then(({ Parameter }) => console.log(Parameter.Value));`;
    return this.node(script, name);
  }

  /** Puts a file where everybody finds it: in a bucket that is made for it. */
  async offer(bucket: string, key: string, file: string): Promise<void> {
    const script = `const { readFileSync } = require("fs");
      const [bucket, key, file] = process.argv.slice(1);
      const { S3Client, CreateBucketCommand, PutObjectCommand } = require("@aws-sdk/client-s3");
      const s3 = new S3Client({ forcePathStyle: true });
      s3.send(new CreateBucketCommand({ Bucket: bucket }))
        .then(() => s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: readFileSync(file), ACL: "public-read" })))
        .catch((error) => { console.error(error); process.exit(1); });`;
    await this.node(script, bucket, key, file);
  }

  /** A script of Node's, where this AWS can be reached. @returns what it wrote */
  private async node(script: string, ...args: string[]): Promise<string> {
    const cwd = path.resolve(import.meta.dirname, "..", "..", "..");
    const { stdout } = await this.lab.exec([process.execPath, "-e", script, ...args], { cwd, env: this.environment });
    return stdout;
  }

  /** What exists, as `<type>/<id>.json`. */
  get store(): string {
    return path.join(this.lab.record.folder, "cloud", "store");
  }

  private get hook(): string {
    return path.join(this.lab.record.folder, "cloud", "hook");
  }

  private writeHook(): void {
    const script = path.join(import.meta.dirname, "hook.ts");
    const project = path.resolve(import.meta.dirname, "..", "..", "..");
    const text = `#!/bin/sh\nunset REDIS_HA_PROJECT\ncd '${project}' && exec '${process.execPath}' --import tsx '${script}' '${this.lab.record.name}' "$@"\n`;
    fs.writeFileSync(this.hook, text, { mode: 0o700 });
  }
}

const instancesOf = (lab: Lab): Instances =>
  new Instances(lab, { authority: fs.readFileSync(authorityFile(lab), "utf8"), names: NAMES, at: controlAddress });
