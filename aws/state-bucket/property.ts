import type { Bucket } from "./bucket.ts";

/** What a property of the bucket is, found without changing anything. Its message continues "versioning: ". */
export type Finding =
  /** As this command makes it. */
  | { readonly result: "unchanged"; readonly message: string }
  /** Somebody's own setting, which is left as it is. */
  | { readonly result: "kept"; readonly message: string }
  /** Somebody's own setting that is not good enough, and not ours to change. */
  | { readonly result: "problem"; readonly message: string }
  | { readonly result: "missing"; readonly message: string; readonly add: () => Promise<unknown> };

/** What the bucket is for. */
export interface Purpose {
  /** What the keys of the states begin with. */
  readonly keys: string;
  readonly tags: Readonly<Record<string, string>>;
}

export type Look = (bucket: Bucket, purpose: Purpose) => Promise<Finding>;
