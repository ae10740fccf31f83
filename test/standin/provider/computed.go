package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// rule says what an attribute is that the configuration left open. Rules are applied in order, so that one can use what
// another has said. What has no rule is null: a placeholder would be wrong wherever its meaning matters to a reader.
type rule struct {
	attribute string
	value     func(*creation) (any, error)
}

// creation is a resource that is being made, as far as it is known.
type creation struct {
	*server
	facts facts
}

// ec2 is how most of EC2 are named: an id with a prefix, and a name for policies that has it.
func ec2(prefix, kind string, more ...rule) []rule {
	id := []rule{
		{"id", text(prefix + "-{hex}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:" + kind + "/{id}")},
		{"owner_id", text("{account}")},
	}
	return append(id, more...)
}

var securityGroupRule = []rule{
	{"id", text("sgr-{hex}")},
	{"security_group_rule_id", text("{id}")},
	{"arn", text("arn:aws:ec2:{region}:{account}:security-group-rule/{id}")},
}

// ofBucket is a part of a bucket's configuration.
var ofBucket = []rule{{"id", text("{bucket}")}}

// computedValues by resource type.
var computedValues = map[string][]rule{
	"null_resource": {{"id", text("{number}")}},

	"aws_vpc": ec2("vpc", "vpc",
		rule{"default_network_acl_id", text("acl-{hex}")},
		rule{"default_route_table_id", text("rtb-{hex}")},
		rule{"main_route_table_id", text("{default_route_table_id}")},
		rule{"default_security_group_id", text("sg-{hex}")},
		rule{"dhcp_options_id", text("dopt-{hex}")},
		rule{"enable_dns_hostnames", always(false)},
		rule{"enable_network_address_usage_metrics", always(false)},
	),
	"aws_default_security_group": {
		{"id", of("aws_vpc", "vpc_id", "default_security_group_id")},
		{"arn", text("arn:aws:ec2:{region}:{account}:security-group/{id}")},
		{"owner_id", text("{account}")},
		{"name", text("default")},
		{"description", text("default VPC security group")},
	},
	"aws_subnet": ec2("subnet", "subnet",
		rule{"availability_zone", text("{region}a")},
		rule{"private_dns_hostname_type_on_launch", text("ip-name")},
	),
	"aws_route_table":             ec2("rtb", "route-table"),
	"aws_route_table_association": {{"id", text("rtbassoc-{hex}")}},
	"aws_route": {
		{"id", text("r-{route_table_id}{sum:destination_cidr_block,destination_ipv6_cidr_block,destination_prefix_list_id}")},
		{"origin", text("CreateRoute")},
		{"state", text("active")},
	},
	"aws_internet_gateway": ec2("igw", "internet-gateway"),
	"aws_eip": {
		{"id", text("eipalloc-{hex}")},
		{"allocation_id", text("{id}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:elastic-ip/{id}")},
		{"domain", text("vpc")},
		{"public_ip", text("198.18.{byte}.{byte}")},
		{"network_border_group", text("{region}")},
		{"public_ipv4_pool", text("amazon")},
		{"association_id", associationOfAddress},
		{"private_ip", of("aws_network_interface", "network_interface", "private_ip")},
	},
	"aws_nat_gateway": {
		{"id", text("nat-{hex}")},
		{"network_interface_id", text("eni-{hex}")},
		{"association_id", text("eipassoc-{hex}")},
		{"availability_mode", text("zonal")},
		{"public_ip", of("aws_eip", "allocation_id", "public_ip")},
		{"vpc_id", of("aws_subnet", "subnet_id", "vpc_id")},
	},
	"aws_vpc_endpoint": {
		{"id", text("vpce-{hex}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:vpc-endpoint/{id}")},
		{"owner_id", text("{account}")},
		{"state", text("available")},
		{"prefix_list_id", prefixListOfEndpoint},
		{"requester_managed", always(false)},
		{"private_dns_enabled", always(false)},
		{"ip_address_type", text("ipv4")},
		{"service_region", text("{region}")},
	},
	"aws_security_group":                  ec2("sg", "security-group", rule{"name", named}),
	"aws_vpc_security_group_ingress_rule": securityGroupRule,
	"aws_vpc_security_group_egress_rule":  securityGroupRule,

	"aws_cloudwatch_log_group": {
		{"name", named},
		{"id", text("{name}")},
		{"arn", text("arn:aws:logs:{region}:{account}:log-group:{name}")},
		{"log_group_class", text("STANDARD")},
		{"deletion_protection_enabled", always(false)},
	},
	"aws_flow_log": {
		{"id", text("fl-{hex}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:vpc-flow-log/{id}")},
	},

	"aws_ssm_parameter": {
		{"id", text("{name}")},
		{"arn", text("arn:aws:ssm:{region}:{account}:parameter{name}")},
		{"data_type", text("text")},
		{"tier", text("Standard")},
		{"version", always(1)},
		{"has_value_wo", always(false)},
	},

	"aws_iam_role": {
		{"name", named},
		{"id", text("{name}")},
		{"arn", text("arn:aws:iam::{account}:role{path}{name}")},
		{"unique_id", text("AROA{HEX}")},
		{"create_date", now},
	},
	"aws_iam_role_policy": {{"name", named}, {"id", text("{role}:{name}")}},
	"aws_iam_instance_profile": {
		{"name", named},
		{"id", text("{name}")},
		{"arn", text("arn:aws:iam::{account}:instance-profile{path}{name}")},
		{"unique_id", text("AIPA{HEX}")},
		{"create_date", now},
	},

	"aws_kms_key": {
		{"key_id", text("{uuid}")},
		{"id", text("{key_id}")},
		{"arn", text("arn:aws:kms:{region}:{account}:key/{key_id}")},
		{"multi_region", always(false)},
	},
	"aws_kms_alias": {
		{"name", named},
		{"id", text("{name}")},
		{"arn", text("arn:aws:kms:{region}:{account}:{name}")},
		{"target_key_arn", keyOfAlias},
	},

	"aws_route53_zone": {
		{"zone_id", text("Z{HEX}")},
		{"id", text("{zone_id}")},
		{"arn", text("arn:aws:route53:::hostedzone/{zone_id}")},
		{"name_servers", always([]string{"ns-1.awsdns.test", "ns-2.awsdns.test", "ns-3.awsdns.test", "ns-4.awsdns.test"})},
		{"primary_name_server", text("ns-1.awsdns.test")},
	},
	"aws_route53_record": {{"fqdn", fullName}, {"id", recordID}},

	"aws_s3_bucket": {
		{"bucket", bucketName},
		{"id", text("{bucket}")},
		{"arn", text("arn:aws:s3:::{bucket}")},
		{"bucket_region", text("{region}")},
		{"bucket_domain_name", text("{bucket}.s3.amazonaws.com")},
		{"bucket_regional_domain_name", text("{bucket}.s3.{region}.amazonaws.com")},
		{"object_lock_enabled", always(false)},
		{"request_payer", text("BucketOwner")},
	},
	"aws_s3_bucket_versioning":                           ofBucket,
	"aws_s3_bucket_server_side_encryption_configuration": ofBucket,
	"aws_s3_bucket_public_access_block":                  ofBucket,
	"aws_s3_bucket_policy":                               ofBucket,
	"aws_s3_bucket_lifecycle_configuration": {
		{"id", text("{bucket}")},
		{"expected_bucket_owner", text("")},
		{"transition_default_minimum_object_size", text("all_storage_classes_128K")},
	},

	"aws_network_interface": ec2("eni", "network-interface",
		rule{"private_ip", firstAddress},
		rule{"private_dns_name", privateName},
		rule{"interface_type", text("interface")},
		rule{"mac_address", text("02:00:{hexbyte}:{hexbyte}:{hexbyte}:{hexbyte}")},
	),
	"aws_ebs_volume": {
		{"id", text("vol-{hex}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:volume/{id}")},
		{"create_time", now},
		{"encrypted", always(false)},
		{"type", text("gp2")},
		{"iops", ofGp3(3000)},
		{"throughput", ofGp3(125)},
	},
	"aws_volume_attachment": {{"id", text("vai-{sum:device_name,instance_id,volume_id}")}},
	"aws_instance": {
		{"id", text("i-{hex}")},
		{"arn", text("arn:aws:ec2:{region}:{account}:instance/{id}")},
		{"instance_state", text("running")},
		{"primary_network_interface_id", interfaceOf},
		{"private_ip", of("aws_network_interface", "primary_network_interface_id", "private_ip")},
		{"private_dns", privateName},
		{"subnet_id", of("aws_network_interface", "primary_network_interface_id", "subnet_id")},
		{"vpc_security_group_ids", of("aws_network_interface", "primary_network_interface_id", "security_groups")},
		{"availability_zone", of("aws_subnet", "subnet_id", "availability_zone")},
		{"disable_api_stop", always(false)},
		{"disable_api_termination", always(false)},
		{"monitoring", always(false)},
		{"tenancy", text("default")},
	},
}

// computedAgain names what is no longer what it was when another attribute changes in place.
var computedAgain = map[string]map[string][]string{
	"aws_kms_alias": {"target_key_arn": {"target_key_id"}},
}

func always(value any) func(*creation) (any, error) {
	return func(*creation) (any, error) { return value, nil }
}

var placeholder = regexp.MustCompile(`\{(sum:)?([\w,]+)\}`)

// text fills in a template: {hex} and the like are made up, {sum:a,b} follows from the attributes a and b, and other
// names are those of the resource's own attributes.
func text(template string) func(*creation) (any, error) {
	return func(c *creation) (any, error) {
		return placeholder.ReplaceAllStringFunc(template, func(found string) string {
			parts := placeholder.FindStringSubmatch(found)
			if parts[1] == "" {
				return c.part(parts[2])
			}
			var all []string
			for _, name := range strings.Split(parts[2], ",") {
				all = append(all, c.facts.text(name))
			}
			return fmt.Sprint(crc32.ChecksumIEEE([]byte(strings.Join(all, "-"))))
		}), nil
	}
}

func (c *creation) part(name string) string {
	switch own := c.facts.text(name); {
	case own != "":
		return own
	case name == "region":
		return c.region
	case name == "account":
		return c.account
	case name == "path":
		return "/"
	case name == "hex":
		return randomHex(9)[:17]
	case name == "HEX":
		return strings.ToUpper(randomHex(9)[:17])
	case name == "hexbyte":
		return randomHex(1)
	case name == "byte":
		return fmt.Sprint(randomBytes(1)[0])
	case name == "number":
		return new(big.Int).SetBytes(randomBytes(8)).String()
	case name == "uuid":
		id := randomHex(16)
		return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	default:
		return ""
	}
}

func randomBytes(count int) []byte {
	bytes := make([]byte, count)
	_, _ = rand.Read(bytes)
	return bytes
}

func randomHex(count int) string { return hex.EncodeToString(randomBytes(count)) }

func now(*creation) (any, error) { return time.Now().UTC().Format(time.RFC3339), nil }
