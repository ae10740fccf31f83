import { LocalBackend, S3Backend } from "cdktf";
import type { TerraformStack } from "cdktf";
import type { Environment } from "../environments/environment.ts";

/**
 * Says where a stack's state lives. Left out, CDKTF would add a backend with an absolute path of its own.
 *
 * - `local`: `.state/<environment>/<stack>.tfstate` beside the output folder, as a path relative to the stack's folder.
 * - `s3`: `<project>/<environment>/<stack>.tfstate` in the environment's bucket, encrypted, with a lock file.
 */
export function addStateBackend(stack: TerraformStack, environment: Environment): void {
  const name = stack.node.id;
  switch (environment.backend.kind) {
    case "local":
      new LocalBackend(stack, { path: `../../../.state/${environment.name}/${name}.tfstate` });
      break;
    case "s3":
      new S3Backend(stack, {
        bucket: environment.backend.bucket,
        key: `${environment.project}/${environment.name}/${name}.tfstate`,
        region: environment.backend.region,
        encrypt: true,
        // CDKTF's binding is older than S3's own locking.
      }).addOverride("use_lockfile", true);
      break;
  }
}
