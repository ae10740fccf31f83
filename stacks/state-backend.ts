import { LocalBackend, S3Backend } from "cdktf";
import type { TerraformStack } from "cdktf";
import type { Environment } from "../environments/environment.ts";
import { stateKeysOf } from "./state-bucket.ts";

/**
 * Where the state of a stack is, in the words of a Terraform backend and of `terraform_remote_state`.
 *
 * - `local`: `.state/<environment>/<stack>.tfstate` beside the output folder, as a path relative to the stack's folder.
 * - `s3`: `<project>/<environment>/<stack>.tfstate` in the environment's bucket.
 */
export function statePlace(environment: Environment, stack: string) {
  const { backend, name } = environment;
  return backend.kind === "local"
    ? { backend: backend.kind, config: { path: `../../../.state/${name}/${stack}.tfstate` } }
    : {
        backend: backend.kind,
        config: { bucket: backend.bucket, key: `${stateKeysOf(environment)}${stack}.tfstate`, region: backend.region },
      };
}

/**
 * Says where a stack's state is; on S3 encrypted, with a lock file, which is the newest thing of Terraform that the stacks rely on. Left
 * out, CDKTF would add a backend with an absolute path of its own.
 */
export function addStateBackend(stack: TerraformStack, environment: Environment): void {
  stack.addOverride("terraform.required_version", ">= 1.10");
  const { backend, config } = statePlace(environment, stack.node.id);
  if (backend === "local") new LocalBackend(stack, config);
  // CDKTF's binding is older than S3's own locking.
  else new S3Backend(stack, { ...config, encrypt: true }).addOverride("use_lockfile", true);
}
