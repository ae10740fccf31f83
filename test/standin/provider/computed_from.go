package main

import (
	"fmt"
	"strings"
)

// Rules for attributes that follow from more than the resource's own words.

// of is an attribute of another resource, whose id is in an attribute of this one; nil when that is not there.
func of(typeName, reference, attribute string) func(*creation) (any, error) {
	return func(c *creation) (any, error) {
		other, err := c.other(typeName, reference)
		return other[attribute], err
	}
}

// other is the resource of a type whose id is in an attribute of this one; nil when there is none.
func (c *creation) other(typeName, reference string) (facts, error) {
	id := c.facts.text(reference)
	if id == "" {
		return nil, nil
	}
	return c.store.read(typeName, id)
}

func named(c *creation) (any, error) {
	prefix := c.facts.text("name_prefix")
	if prefix == "" {
		prefix = "terraform-"
	}
	return prefix + randomHex(9), nil
}

func bucketName(c *creation) (any, error) {
	prefix := c.facts.text("bucket_prefix")
	if prefix == "" {
		prefix = "terraform-"
	}
	return prefix + randomHex(9), nil
}

// prefixListOfEndpoint is what the data source aws_prefix_list finds for the same service.
func prefixListOfEndpoint(c *creation) (any, error) {
	if c.facts.text("vpc_endpoint_type") == "Interface" {
		return nil, nil
	}
	return prefixListOf(c.facts.text("service_name")), nil
}

// associationOfAddress is there where the address has been given to something.
func associationOfAddress(c *creation) (any, error) {
	if c.facts.text("network_interface") == "" && c.facts.text("instance") == "" {
		return nil, nil
	}
	return "eipassoc-" + randomHex(9)[:17], nil
}

func keyOfAlias(c *creation) (any, error) {
	id := c.facts.text("target_key_id")
	if strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", c.part("region"), c.account, id), nil
}

// fullName of a record: its name may have the zone's already.
func fullName(c *creation) (any, error) {
	name := strings.TrimSuffix(c.facts.text("name"), ".")
	zone, err := c.other("aws_route53_zone", "zone_id")
	domain := strings.TrimSuffix(zone.text("name"), ".")
	if err != nil || domain == "" || name == domain || strings.HasSuffix(name, "."+domain) {
		return name, err
	}
	return strings.TrimPrefix(name+"."+domain, "."), nil
}

func recordID(c *creation) (any, error) {
	parts := []string{c.facts.text("zone_id"), c.facts.text("name"), c.facts.text("type")}
	if set := c.facts.text("set_identifier"); set != "" {
		parts = append(parts, set)
	}
	return strings.Join(parts, "_"), nil
}

func firstAddress(c *creation) (any, error) {
	for _, name := range []string{"private_ip_list", "private_ips"} {
		if all := c.facts.texts(name); len(all) > 0 {
			return all[0], nil
		}
	}
	return nil, nil
}

func privateName(c *creation) (any, error) {
	address := c.facts.text("private_ip")
	if address == "" {
		return nil, nil
	}
	return fmt.Sprintf("ip-%s.%s.compute.internal", strings.ReplaceAll(address, ".", "-"), c.part("region")), nil
}

// interfaceOf is the network interface of an instance that was given one.
func interfaceOf(c *creation) (any, error) {
	for _, it := range append(c.facts.blocks("primary_network_interface"), c.facts.blocks("network_interface")...) {
		return it["network_interface_id"], nil
	}
	return nil, nil
}

// ofGp3 is what a volume of that type has at least.
func ofGp3(value int) func(*creation) (any, error) {
	return func(c *creation) (any, error) {
		if c.facts.text("type") != "gp3" {
			return nil, nil
		}
		return value, nil
	}
}
