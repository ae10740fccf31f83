/** A resource type of the stand-in provider. */
export interface ResourceType {
  /** The folder of its binding below `lib`. */
  readonly binding: string;
  /**
   * Attributes whose change makes another resource, those of nested blocks as `block.attribute`. The bindings do not say:
   * it is in the provider's own documentation.
   */
  readonly forceReplacement: readonly string[];
}

/** What the stand-in serves of one provider, by type. */
export interface ServedProvider {
  readonly resources: Readonly<Record<string, ResourceType>>;
  /** Bindings of data sources. */
  readonly dataSources?: Readonly<Record<string, string>>;
}

const type = (binding: string, ...forceReplacement: string[]): ResourceType => ({ binding, forceReplacement });

/** A resource in one region, as almost all of AWS are: it cannot move to another. */
const regional = (binding: string, ...forceReplacement: string[]): ResourceType =>
  type(binding, "region", ...forceReplacement);

const ruleOfSecurityGroup = ["security_group_id"];

/** Everything that the stand-in serves. After a change here: `npx tsx test/standin/write-schemas.ts`. */
export const served: Readonly<Record<string, ServedProvider>> = {
  null: { resources: { null_resource: type("resource", "triggers") } },
  aws: {
    resources: {
      aws_vpc: regional("vpc", "cidr_block", "ipv4_ipam_pool_id", "ipv4_netmask_length"),
      aws_default_security_group: regional("default-security-group", "vpc_id"),
      aws_subnet: regional(
        "subnet",
        ...["availability_zone", "availability_zone_id", "cidr_block", "ipv6_native", "outpost_arn", "vpc_id"],
      ),
      aws_route_table: regional("route-table", "vpc_id"),
      // Another route table is another association made in the place of the former, and no replacement.
      aws_route_table_association: regional("route-table-association", "gateway_id", "subnet_id"),
      // Another gateway changes the route in place.
      aws_route: regional(
        "route",
        ...["destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id", "route_table_id"],
      ),
      // Another VPC is one that the gateway is moved to.
      aws_internet_gateway: regional("internet-gateway"),
      aws_eip: regional("eip", "customer_owned_ipv4_pool", "domain", "network_border_group", "public_ipv4_pool"),
      aws_nat_gateway: regional(
        "nat-gateway",
        ...["allocation_id", "connectivity_type", "private_ip", "subnet_id", "vpc_id"],
      ),
      aws_vpc_endpoint: regional("vpc-endpoint", "service_name", "service_region", "vpc_endpoint_type", "vpc_id"),
      aws_security_group: regional("security-group", "description", "name", "name_prefix", "vpc_id"),
      aws_vpc_security_group_ingress_rule: regional("vpc-security-group-ingress-rule", ...ruleOfSecurityGroup),
      aws_vpc_security_group_egress_rule: regional("vpc-security-group-egress-rule", ...ruleOfSecurityGroup),
      aws_cloudwatch_log_group: regional("cloudwatch-log-group", "log_group_class", "name", "name_prefix"),
      // Only its tags can change.
      aws_flow_log: regional(
        "flow-log",
        ...["deliver_cross_account_role", "eni_id", "iam_role_arn", "log_destination", "log_destination_type"],
        ...["log_format", "max_aggregation_interval", "subnet_id", "traffic_type", "transit_gateway_attachment_id"],
        ...["transit_gateway_id", "vpc_id"],
        ...["file_format", "hive_compatible_partitions", "per_hour_partition"].map(
          (key) => `destination_options.${key}`,
        ),
      ),
      // Another value, and another type, are another version of it.
      aws_ssm_parameter: regional("ssm-parameter", "data_type", "name"),
      aws_iam_role: type("iam-role", "name", "name_prefix", "path"),
      aws_iam_role_policy: type("iam-role-policy", "name", "name_prefix", "role"),
      // Another role is put into it in place.
      aws_iam_instance_profile: type("iam-instance-profile", "name", "name_prefix", "path"),
      aws_kms_key: regional(
        "kms-key",
        ...["custom_key_store_id", "customer_master_key_spec", "key_usage", "multi_region", "xks_key_id"],
      ),
      aws_kms_alias: regional("kms-alias", "name", "name_prefix"),
      aws_route53_zone: type("route53-zone", "delegation_set_id", "name"),
      aws_route53_record: type("route53-record", "zone_id", "name"),
      aws_s3_bucket: regional("s3-bucket", "bucket", "bucket_prefix", "object_lock_enabled"),
      aws_s3_bucket_versioning: regional("s3-bucket-versioning", "bucket", "expected_bucket_owner"),
      aws_s3_bucket_server_side_encryption_configuration: regional(
        "s3-bucket-server-side-encryption-configuration",
        ...["bucket", "expected_bucket_owner"],
      ),
      aws_s3_bucket_public_access_block: regional("s3-bucket-public-access-block", "bucket"),
      aws_s3_bucket_policy: regional("s3-bucket-policy", "bucket"),
      aws_s3_bucket_lifecycle_configuration: regional(
        "s3-bucket-lifecycle-configuration",
        ...["bucket", "expected_bucket_owner"],
      ),
      // Of the addresses, only another first one replaces it. Here every change does: nothing here has a second address.
      aws_network_interface: regional("network-interface", "interface_type", "private_ips", "subnet_id"),
      // The size, the kind and the performance of a volume change while it is in use.
      aws_ebs_volume: regional(
        "ebs-volume",
        ...["availability_zone", "encrypted", "kms_key_id", "multi_attach_enabled", "outpost_arn", "snapshot_id"],
        "volume_initialization_rate",
      ),
      aws_volume_attachment: regional("volume-attachment", "device_name", "instance_id", "volume_id"),
      // The instance type and its profile change in place, user data too unless user_data_replace_on_change says not (provider/resource.go).
      aws_instance: regional(
        "instance",
        ...["ami", "associate_public_ip_address", "availability_zone", "ebs_optimized", "enable_primary_ipv6"],
        ...["hibernation", "host_id", "ipv6_address_count", "ipv6_addresses", "key_name", "placement_group"],
        ...["private_ip", "security_groups", "subnet_id", "tenancy"],
        ...["core_count", "threads_per_core", "amd_sev_snp"].map((key) => `cpu_options.${key}`),
        ...["device_name", "encrypted", "kms_key_id", "snapshot_id"].map((key) => `ebs_block_device.${key}`),
        ...["device_index", "network_interface_id"].map((key) => `network_interface.${key}`),
        ...["encrypted", "kms_key_id"].map((key) => `root_block_device.${key}`),
        ...["enclave_options.enabled", "primary_network_interface.network_interface_id"],
      ),
    },
    dataSources: {
      aws_vpc: "data-aws-vpc",
      aws_subnet: "data-aws-subnet",
      aws_prefix_list: "data-aws-prefix-list",
      aws_ami_ids: "data-aws-ami-ids",
      aws_instances: "data-aws-instances",
      aws_availability_zones: "data-aws-availability-zones",
    },
  },
};
