import { Cloud } from "./cloud.ts";
import type { AttachmentRequest, InstanceRequest } from "./instances.ts";

/** `hook.ts <lab> <create|update|destroy> <type>`, for the stand-in provider: what it asks for, on the hosts of a lab. */
const [name = "", operation = "", type = ""] = process.argv.slice(2);

let text = "";
for await (const chunk of process.stdin) text += String(chunk);
const request: unknown = JSON.parse(text);

const { instances } = Cloud.open(name);
const actions: Readonly<Record<string, () => Promise<void>>> = {
  "create aws_instance": () => instances.run(request as InstanceRequest),
  "update aws_instance": () => instances.modify(request as InstanceRequest),
  "destroy aws_instance": () => instances.terminate(request as InstanceRequest),
  "create aws_volume_attachment": () => instances.attach(request as AttachmentRequest),
  "destroy aws_volume_attachment": () => instances.detach(request as AttachmentRequest),
};
await actions[`${operation} ${type}`]?.();
