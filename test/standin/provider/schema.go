package main

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schemas/*.json
var schemas embed.FS

// providerSchema is a file schemas/<provider>.json; test/standin/schema.ts writes these files.
type providerSchema struct {
	Resources   map[string]block `json:"resources"`
	DataSources map[string]block `json:"dataSources"`
	Provider    block            `json:"provider"`
}

// block is the attributes and nested blocks of one pair of braces by name.
type block map[string]member

// member is an attribute, or a nested block where Block tells in which way it nests.
type member struct {
	Type              typeName `json:"type"`
	Required          bool     `json:"required"`
	Optional          bool     `json:"optional"`
	Computed          bool     `json:"computed"`
	ForcesReplacement bool     `json:"forcesReplacement"`

	Block   string `json:"block"`
	Min     int64  `json:"min"`
	Max     int64  `json:"max"`
	Members block  `json:"members"`
}

// onlyComputed tells whether a configuration may not set the attribute.
func (m member) onlyComputed() bool { return m.Computed && !m.Optional }

func readSchema(provider string) (*providerSchema, error) {
	text, err := schemas.ReadFile("schemas/" + provider + ".json")
	if err != nil {
		return nil, fmt.Errorf("no schema of the provider %s: add it in test/standin/served.ts", provider)
	}
	schema := &providerSchema{}
	if err := json.Unmarshal(text, schema); err != nil {
		return nil, fmt.Errorf("schemas/%s.json: %w", provider, err)
	}
	for name, resource := range schema.Resources {
		for _, rule := range computedValues[name] {
			if !resource[rule.attribute].Computed {
				return nil, fmt.Errorf("%s.%s is not computed: remove its rule", name, rule.attribute)
			}
		}
	}
	return schema, nil
}

var nestings = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
}

// schema is the block in the words of Terraform's protocol.
func (b block) schema() *tfprotov5.Schema { return &tfprotov5.Schema{Block: b.schemaBlock()} }

func (b block) schemaBlock() *tfprotov5.SchemaBlock {
	all := &tfprotov5.SchemaBlock{}
	for name, it := range b {
		if it.Block == "" {
			all.Attributes = append(all.Attributes, &tfprotov5.SchemaAttribute{
				Name: name, Type: it.Type.Type, Required: it.Required, Optional: it.Optional, Computed: it.Computed,
			})
			continue
		}
		all.BlockTypes = append(all.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: it.Members.schemaBlock(), Nesting: nestings[it.Block], MinItems: it.Min, MaxItems: it.Max,
		})
	}
	return all
}

func (b block) valueType() tftypes.Type { return b.schema().ValueType() }

func schemasOf(blocks map[string]block) map[string]*tfprotov5.Schema {
	all := map[string]*tfprotov5.Schema{}
	for name, it := range blocks {
		all[name] = it.schema()
	}
	return all
}

// typeName is an attribute's type in Terraform's own JSON form, as "string" or ["map", "string"].
type typeName struct{ tftypes.Type }

func (t *typeName) UnmarshalJSON(text []byte) (err error) {
	t.Type, err = tftypes.ParseJSONType(text)
	return err
}
