/** What EC2 says of the instance types that suit Redis: memory decides, and a replica needs as much as its master. */
export interface InstanceType {
  /** As Terraform and AMIs have it. */
  readonly architecture: "arm64" | "x86_64";
  /** In MiB, of which the kernel keeps some for itself. */
  readonly memoryMb: number;
}

/** GiB by size. https://aws.amazon.com/ec2/instance-types/, read on 2026-11-27. */
const burstable = { small: 2, medium: 4, large: 8, xlarge: 16, "2xlarge": 32 };
const general = { large: 8, xlarge: 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128 };
const memory = { large: 16, xlarge: 32, "2xlarge": 64, "4xlarge": 128, "8xlarge": 256 };

/** Families whose disks are EBS alone. The burstable ones, t4g and t3, are for trying out: without credits they are slow. */
const families: Readonly<
  Record<
    string,
    { readonly architecture: InstanceType["architecture"]; readonly sizes: Readonly<Record<string, number>> }
  >
> = {
  t4g: { architecture: "arm64", sizes: burstable },
  m7g: { architecture: "arm64", sizes: { medium: 4, ...general } },
  m8g: { architecture: "arm64", sizes: { medium: 4, ...general } },
  r7g: { architecture: "arm64", sizes: { medium: 8, ...memory } },
  r8g: { architecture: "arm64", sizes: { medium: 8, ...memory } },
  t3: { architecture: "x86_64", sizes: burstable },
  m7i: { architecture: "x86_64", sizes: general },
  r7i: { architecture: "x86_64", sizes: memory },
};

/** Of every type of a family in the table, also of one that is too small for Redis; undefined for others. */
export const architectureOf = (name: string): InstanceType["architecture"] | undefined =>
  families[name.split(".")[0] ?? ""]?.architecture;

/** @param name for example m7g.large @returns undefined for one that is not in the table */
export function instanceType(name: string): InstanceType | undefined {
  const [family = "", size = ""] = name.split(".");
  const { architecture, sizes } = families[family] ?? {};
  const gib = sizes?.[size];
  return architecture === undefined || gib === undefined ? undefined : { architecture, memoryMb: gib * 1024 };
}

/** Every type of the table. */
export const instanceTypes: readonly string[] = Object.entries(families).flatMap(([family, { sizes }]) =>
  Object.keys(sizes).map((size) => `${family}.${size}`),
);
