import { z } from "zod";

/** Where the nodes of an environment run, and how they are reached. */

export const cidr = z.cidrv4("use IPv4 CIDR notation, for example 10.0.1.0/24");

export const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "use an AWS region, for example eu-central-1");

const eachOnce = (values: string[]): string[] => [...new Set(values)];

/** Who may open a connection: ranges of addresses, and members of security groups. */
const sources = z.strictObject({
  /** @default - none */
  cidrs: z.array(cidr).transform(eachOnce).default([]),
  /** @default - none */
  securityGroupIds: z
    .array(z.string().regex(/^sg-[0-9a-f]{8,17}$/, "use the id of a security group, for example sg-0123456789abcdef0"))
    .transform(eachOnce)
    .default([]),
});

const instanceType = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9]+$/, "use an instance type, for example m7g.large");

const accountId = z.string().regex(/^\d{12}$/, "use the 12 digits of the AWS account");

const imageId = z.string().regex(/^ami-[0-9a-f]{8,17}$/, "use an AMI id, for example ami-0123456789abcdef0");

const bastion = z.strictObject({
  /** Who may log in to it by ssh. */
  cidrs: z.array(cidr).min(1).transform(eachOnce),
  /** @default - t4g.nano or t3.nano, whichever has the machines' architecture */
  instanceType: instanceType.optional(),
  /**
   * Debian image with the same user; changing it replaces the bastion.
   * @default - the machines' imageId
   */
  imageId: imageId.optional(),
});

/** How ssh gets to a host. */
const reached = {
  /**
   * Private key file.
   * @default - what the user's own ssh configuration or agent offers
   */
  identityFile: z.string().optional(),
  /**
   * Bastion, as in `ssh -J`.
   * @default - what the user's own ssh configuration says
   */
  proxyJump: z.string().optional(),
  /**
   * The command by which ssh reaches the host, as in ssh_config: for Session Manager, or a network of its own. Run by a
   * shell in the checkout, with `%h` for the host and `%p` for its port. Not together with proxyJump.
   * @default - what the user's own ssh configuration says
   */
  proxyCommand: z.string().min(1).optional(),
};

export const target = z.discriminatedUnion("kind", [
  z.strictObject({
    /** Every node is a folder and a pair of ports on this computer. */
    kind: z.literal("local"),
  }),
  z.strictObject({
    /** Hosts that exist, reached by the system's OpenSSH. */
    kind: z.literal("ssh"),
    /** The user to log in as; must be root or have sudo. */
    user: z.string().min(1),
    /** @default 22 */
    port: z.int().min(1).max(65535).default(22),
    ...reached,
    /** The known_hosts file that holds the hosts' keys; an unknown or changed key stops the apply. */
    knownHostsFile: z.string().min(1),
    /**
     * Memory of each host in MiB: settings.maxMemoryMb is checked against it before anything is touched.
     * @default - checked on the host
     */
    hostMemoryMb: z.int().positive().optional(),
  }),
  z.strictObject({
    /** EC2 instances with a fixed address and a data volume that outlives them. */
    kind: z.literal("aws"),
    /** For example eu-central-1. */
    region,
    /** The only account this environment may be applied to. */
    accountId,
    /** Address range of the VPC. */
    vpcCidr: cidr,
    /**
     * A VPC that is there already; the zones name their subnets, and how the machines reach the internet is up to it.
     * @default - one is made
     */
    vpcId: z
      .string()
      .regex(/^vpc-[0-9a-f]{8,17}$/, "use the id of a VPC, for example vpc-0123456789abcdef0")
      .optional(),
    /**
     * How the machines reach Debian's packages and the services of AWS. `nat-per-zone`: by a NAT gateway in each availability zone.
     * `single-nat`: by one for all, which costs less, and fails with its availability zone. `none`: nothing but the services of AWS, by
     * endpoints; the image must have the packages.
     * @default - `nat-per-zone` in a VPC that is made
     */
    egress: z.enum(["nat-per-zone", "single-nat", "none"]).optional(),
    /**
     * Who may connect to redis-server and Sentinel; the nodes may in any case.
     * @default - nobody else
     */
    clients: sources.prefault({}),
    /**
     * Who may log in to the machines by ssh: operators, pipelines, a VPN.
     * @default - nobody; Session Manager needs no rule
     */
    operators: sources.prefault({}),
    /**
     * A machine with a public address, for ssh to the others and nothing else, in the first zone's public subnet. Commands find their
     * way through it by themselves. Not together with proxyJump or proxyCommand, and not in a VPC that is there already.
     * @default - none
     */
    bastion: bastion.optional(),
    /** For example m7g.large. */
    instanceType,
    /**
     * For the machines of witnesses, which need little; of the same architecture.
     * @default - instanceType
     */
    witnessInstanceType: instanceType.optional(),
    /** Debian 13 image; changing it replaces the machines, one zone at a time. */
    imageId,
    /**
     * The account that an image is from, where it is shared with yours; the account itself, Debian, Amazon and its marketplace are known.
     * @default - none
     */
    imageOwner: accountId.optional(),
    /** Size of each node's data volume in GiB. It can grow, and never shrink. */
    dataVolumeGb: z.int().min(1),
    /**
     * Memory of the instance type in MiB: settings.maxMemoryMb is checked against it.
     * @default - 90 % of what AWS says of the instance type, since the kernel keeps some; checked on the host where that is not known
     */
    hostMemoryMb: z.int().positive().optional(),
    /**
     * AWS refuses to terminate the machines, whoever asks, unless it is Terraform: that does it for another image, and where the
     * data volume is released.
     * @default true
     */
    terminationProtection: z.boolean().default(true),
    /**
     * The machines get Amazon's agent for Session Manager at their first boot, and the rights that it needs: operators reach them by
     * their rights in the account, and no rule lets anybody in. ssh goes this way unless a bastion, proxyJump or proxyCommand says
     * another one (`proxyJump: "none"` for none at all).
     * @default false
     */
    sessionManager: z.boolean().default(false),
    /**
     * The image's user, which applies and operators log in as; must have sudo.
     * @default "admin", as in Debian's own images
     */
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]*$/, "use the name of a user, for example admin")
      .default("admin"),
    /**
     * Public keys of those who apply, as in ~/.ssh/id_ed25519.pub. A machine takes them at its first boot: later changes are up to
     * whoever logs in there.
     */
    publicKeys: z
      .array(
        z
          .string()
          .regex(/^(ssh-ed25519|ecdsa-sha2-\S+|ssh-rsa|sk-\S+) \S+( [^\r\n]*)?$/, "use the text of a public key file"),
      )
      .min(1),
    ...reached,
  }),
]);
