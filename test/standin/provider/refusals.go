package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// What AWS refuses, as far as a test of this project may come upon it.

// sourcesOf names, by type, attributes of which the configuration has to set exactly one.
var sourcesOf = map[string][]string{
	"aws_vpc_security_group_ingress_rule": sources,
	"aws_vpc_security_group_egress_rule":  sources,
}

var sources = []string{"cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"}

func exactlyOne(config values, names []string) error {
	set := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return config[name].IsNull() })
	if len(set) == 1 {
		return nil
	}
	return fmt.Errorf("Invalid Attribute Combination: exactly one of these attributes must be configured: [%s]; %d are",
		strings.Join(names, ","), len(set))
}

// refusals by type, for a new resource.
var refusals = map[string]func(*creation) error{
	"aws_network_interface": refuseAddresses,
	"aws_instance":          refuseInterface,
	"aws_volume_attachment": refuseAttachment,
}

// refuseAddresses that the subnet does not have, or has no more.
func refuseAddresses(c *creation) error {
	subnet, err := c.other("aws_subnet", "subnet_id")
	if err != nil {
		return err
	}
	neighbours, err := c.store.users("aws_network_interface", "subnet_id", c.facts.text("subnet_id"))
	if err != nil {
		return err
	}
	for _, text := range append(c.facts.texts("private_ips"), c.facts.texts("private_ip_list")...) {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("InvalidParameterValue: %w", err)
		}
		if block := subnet.text("cidr_block"); block != "" {
			network, err := netip.ParsePrefix(block)
			if err != nil {
				return err
			}
			if !network.Contains(address) {
				return fmt.Errorf("InvalidParameterValue: Address %s does not fall within the subnet's address range %s", address, network)
			}
			if isReserved(address, network) {
				return fmt.Errorf("InvalidParameterValue: Address %s is in subnet's reserved address range", address)
			}
		}
		for _, it := range neighbours {
			if it.text("private_ip") == text || slices.Contains(it.texts("private_ips"), text) {
				return fmt.Errorf("InvalidIPAddress.InUse: The specified address %s is already in use (%s)", text, it.text("id"))
			}
		}
	}
	return nil
}

// isReserved tells whether AWS keeps an address of a subnet for itself: the first four and the last.
func isReserved(address netip.Addr, network netip.Prefix) bool {
	first := network.Masked().Addr()
	for range 4 {
		if address == first {
			return true
		}
		first = first.Next()
	}
	return !network.Contains(address.Next())
}

// refuseInterface that does not exist, or that another instance has.
func refuseInterface(c *creation) error {
	id, _ := interfaceOf(c)
	if id == nil {
		return fmt.Errorf("an instance without a network interface of its own is %w", errNotServed)
	}
	found, err := c.store.read("aws_network_interface", fmt.Sprint(id))
	if err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("InvalidNetworkInterfaceID.NotFound: The networkInterface ID '%s' does not exist", id)
	}
	owners, err := c.store.users("aws_instance", "primary_network_interface_id", fmt.Sprint(id))
	if err != nil || len(owners) == 0 {
		return err
	}
	return fmt.Errorf("InvalidNetworkInterface.InUse: Interface: [%s] in use (%s)", id, owners[0].text("id"))
}

// refuseAttachment of a volume that is elsewhere.
func refuseAttachment(c *creation) error {
	volume, err := c.other("aws_ebs_volume", "volume_id")
	if err != nil {
		return err
	}
	instance, err := c.other("aws_instance", "instance_id")
	if err != nil {
		return err
	}
	volumeID, instanceID := c.facts.text("volume_id"), c.facts.text("instance_id")
	if volume == nil {
		return fmt.Errorf("InvalidVolume.NotFound: The volume '%s' does not exist.", volumeID)
	}
	if instance == nil {
		return fmt.Errorf("InvalidInstanceID.NotFound: The instance ID '%s' does not exist", instanceID)
	}
	if volume.text("availability_zone") != instance.text("availability_zone") {
		return fmt.Errorf("InvalidVolume.ZoneMismatch: The volume '%s' is not in the same availability zone as instance '%s'", volumeID, instanceID)
	}
	attached, err := c.store.users("aws_volume_attachment", "volume_id", volumeID)
	if err != nil || len(attached) == 0 {
		return err
	}
	return fmt.Errorf("VolumeInUse: %s is already attached to an instance (%s)", volumeID, attached[0].text("instance_id"))
}

// use is what keeps a resource from being destroyed: another one that has its id in an attribute.
type use struct{ by, attribute, refusal string }

const groupInUse = "DependencyViolation: resource %s has a dependent object"

// uses by the type that is used.
var uses = map[string][]use{
	"aws_ebs_volume": {
		{"aws_volume_attachment", "volume_id", "VolumeInUse: Volume %s is currently attached"},
	},
	"aws_network_interface": {
		{"aws_instance", "primary_network_interface_id", "InvalidParameterValue: Network interface '%s' is currently in use."},
	},
	"aws_security_group": {
		{"aws_network_interface", "security_groups", groupInUse},
		{"aws_vpc_endpoint", "security_group_ids", groupInUse},
		{"aws_vpc_security_group_ingress_rule", "referenced_security_group_id", groupInUse},
		{"aws_vpc_security_group_egress_rule", "referenced_security_group_id", groupInUse},
	},
	"aws_subnet": {
		{"aws_network_interface", "subnet_id", "DependencyViolation: The subnet '%s' has dependencies and cannot be deleted."},
		{"aws_nat_gateway", "subnet_id", "DependencyViolation: The subnet '%s' has dependencies and cannot be deleted."},
		{"aws_vpc_endpoint", "subnet_ids", "DependencyViolation: The subnet '%s' has dependencies and cannot be deleted."},
	},
	"aws_vpc": {
		{"aws_subnet", "vpc_id", "DependencyViolation: The vpc '%s' has dependencies and cannot be deleted."},
		{"aws_security_group", "vpc_id", "DependencyViolation: The vpc '%s' has dependencies and cannot be deleted."},
	},
}

// partOf names, by type, what a resource goes away with: the type, by the attribute that has its id.
var partOf = map[string]map[string]string{
	"aws_volume_attachment": {"volume_id": "aws_ebs_volume", "instance_id": "aws_instance"},
}
