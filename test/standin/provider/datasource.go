package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
)

func (s *server) ValidateDataSourceConfig(_ context.Context, request *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	source := s.DataSources[request.TypeName]
	config, err := source.read(request.Config)
	if err != nil {
		return nil, err
	}
	return &tfprotov5.ValidateDataSourceConfigResponse{
		Diagnostics: source.refuse("data."+request.TypeName, config),
	}, nil
}

func (s *server) ReadDataSource(_ context.Context, request *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	source := s.DataSources[request.TypeName]
	config, err := source.read(request.Config)
	if err != nil {
		return nil, err
	}
	asked := factsOf(config)
	found, err := answers[request.TypeName](s, asked)
	if err != nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: failed(err)}, nil
	}
	for name, value := range asked {
		if value != nil {
			found[name] = value
		}
	}
	if found["region"] == nil {
		found["region"] = s.region
	}
	value, err := valueOf(source.valueType(), found)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", request.TypeName, err)
	}
	state, err := tfprotov5.NewDynamicValue(source.valueType(), value)
	return &tfprotov5.ReadDataSourceResponse{State: &state}, err
}

// answers says what each data source finds for what it is asked.
var answers = map[string]func(*server, facts) (facts, error){
	"aws_vpc": func(s *server, asked facts) (facts, error) {
		found, err := s.lookUp("aws_vpc", "VPC", asked)
		if err == nil && found["cidr_block_associations"] == nil {
			found["cidr_block_associations"] = []facts{
				{"association_id": "vpc-cidr-assoc-" + hashOf(found.text("id"))[:17], "cidr_block": found["cidr_block"], "state": "associated"},
			}
		}
		return found, err
	},
	"aws_subnet": func(s *server, asked facts) (facts, error) { return s.lookUp("aws_subnet", "Subnet", asked) },
	"aws_prefix_list": func(_ *server, asked facts) (facts, error) {
		id := asked.text("prefix_list_id")
		if id == "" {
			id = prefixListOf(asked.text("name"))
		}
		return facts{"id": id, "name": "com.amazonaws." + id, "cidr_blocks": []string{"198.51.100.0/24"}}, nil
	},
	"aws_ami_ids":   images,
	"aws_instances": instances,
	"aws_availability_zones": func(s *server, _ facts) (facts, error) {
		names := []string{}
		for _, letter := range "abc" {
			names = append(names, s.region+string(letter))
		}
		return facts{"id": s.region, "names": names, "zone_ids": []string{}, "group_names": []string{s.region}}, nil
	},
}

// lookUp finds the one that has everything that is asked for.
func (s *server) lookUp(typeName, what string, asked facts) (facts, error) {
	if len(asked.blocks("filter")) > 0 || asked["tags"] != nil {
		return nil, fmt.Errorf("a data source %s with a filter or tags is %w", typeName, errNotServed)
	}
	all, err := s.store.all(typeName)
	if err != nil {
		return nil, err
	}
	var matching []facts
	for _, it := range all {
		if it.has(asked) {
			matching = append(matching, it)
		}
	}
	switch len(matching) {
	case 0:
		return nil, fmt.Errorf("no matching EC2 %s found", what)
	case 1:
		found := matching[0]
		found["state"] = "available"
		if found["tags_all"] != nil {
			found["tags"] = found["tags_all"]
		}
		return found, nil
	default:
		return nil, fmt.Errorf("multiple EC2 %ss matched; use additional constraints to reduce matches to a single EC2 %s", what, what)
	}
}

func (f facts) has(asked facts) bool {
	for _, name := range []string{"id", "cidr_block", "vpc_id", "availability_zone"} {
		if wanted := asked.text(name); wanted != "" && f.text(name) != wanted {
			return false
		}
	}
	return true
}

// images are those of the ids that a filter names. Each is an available one for arm64, unless a test says in the store what
// else it is, and whose.
func images(s *server, asked facts) (facts, error) {
	wanted := filtersOf(asked)
	found := []string{}
	for _, id := range wanted["image-id"] {
		image := facts{"image-id": id, "architecture": "arm64", "state": "available"}
		known, err := s.store.read("aws_ami", id)
		if err != nil && !errors.Is(err, errNoStore) {
			return nil, err
		}
		maps.Copy(image, known)
		if owner := image.text("owner"); owner != "" && !slices.Contains(asked.texts("owners"), owner) {
			continue
		}
		if passes(wanted, image.text) {
			found = append(found, id)
		}
	}
	return facts{"id": "aws_ami_ids-" + hashOf(asked)[:8], "ids": found}, nil
}

// instances are those that have what the filters name. All of them run.
func instances(s *server, asked facts) (facts, error) {
	all, err := s.store.all("aws_instance")
	if err != nil {
		return nil, err
	}
	ids, addresses := []string{}, []string{}
	for _, it := range all {
		tags, _ := it["tags_all"].(map[string]any)
		property := func(name string) string {
			if tag, isTag := strings.CutPrefix(name, "tag:"); isTag {
				return facts(tags).text(tag)
			}
			return it.text(map[string]string{"image-id": "ami", "private-ip-address": "private_ip"}[name])
		}
		if passes(filtersOf(asked), property) {
			ids, addresses = append(ids, it.text("id")), append(addresses, it.text("private_ip"))
		}
	}
	return facts{"id": s.region, "ids": ids, "private_ips": addresses, "public_ips": []string{}, "ipv6_addresses": []string{}}, nil
}

// filtersOf are the values that each filter allows, by its name.
func filtersOf(asked facts) map[string][]string {
	wanted := map[string][]string{}
	for _, filter := range asked.blocks("filter") {
		wanted[filter.text("name")] = filter.texts("values")
	}
	return wanted
}

func passes(wanted map[string][]string, property func(string) string) bool {
	for name, values := range wanted {
		if !slices.Contains(values, property(name)) {
			return false
		}
	}
	return true
}

// hashOf is the same for the same question: another answer each time would be a change each time.
func hashOf(it any) string {
	sum := sha256.Sum256(fmt.Append(nil, it))
	return hex.EncodeToString(sum[:])
}

func prefixListOf(service string) string { return "pl-" + hashOf(service)[:8] }
