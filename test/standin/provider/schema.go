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

// An attribute as schemas/<provider>.json has it; test/standin/schema.ts writes these files.
type attribute struct {
	Type              typeName `json:"type"`
	Required          bool     `json:"required"`
	Optional          bool     `json:"optional"`
	Computed          bool     `json:"computed"`
	ForcesReplacement bool     `json:"forcesReplacement"`
}

// onlyComputed tells whether a configuration may not set the attribute.
func (a attribute) onlyComputed() bool { return a.Computed && !a.Optional }

// resource is one resource type: its attributes by name.
type resource map[string]attribute

// readResources returns the resource types of one provider by name.
func readResources(provider string) (map[string]resource, error) {
	text, err := schemas.ReadFile("schemas/" + provider + ".json")
	if err != nil {
		return nil, fmt.Errorf("no schema of the provider %s: add it in test/standin/schema.ts", provider)
	}
	var document struct {
		Resources map[string]resource `json:"resources"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("schemas/%s.json: %w", provider, err)
	}
	for name, attributes := range document.Resources {
		for key, it := range attributes {
			if it.Computed && computedValues[key] == nil {
				return nil, fmt.Errorf("%s.%s is computed: say in values.go what it is", name, key)
			}
		}
	}
	return document.Resources, nil
}

// schema is the resource type in the words of Terraform's protocol.
func (r resource) schema() *tfprotov5.Schema {
	block := &tfprotov5.SchemaBlock{}
	for name, it := range r {
		block.Attributes = append(block.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: it.Type.Type, Required: it.Required, Optional: it.Optional, Computed: it.Computed,
		})
	}
	return &tfprotov5.Schema{Block: block}
}

// typeName is an attribute's type in Terraform's own JSON form, as "string" or ["map", "string"].
type typeName struct{ tftypes.Type }

func (t *typeName) UnmarshalJSON(text []byte) error {
	primitives := map[string]tftypes.Type{"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool}
	var kind string
	if json.Unmarshal(text, &kind) == nil && primitives[kind] != nil {
		t.Type = primitives[kind]
		return nil
	}
	var pair [2]string
	if err := json.Unmarshal(text, &pair); err != nil || primitives[pair[1]] == nil {
		return fmt.Errorf("%s: not a type that is read here", text)
	}
	element := primitives[pair[1]]
	switch pair[0] {
	case "list":
		t.Type = tftypes.List{ElementType: element}
	case "set":
		t.Type = tftypes.Set{ElementType: element}
	case "map":
		t.Type = tftypes.Map{ElementType: element}
	default:
		return fmt.Errorf("%s: not a type that is read here", text)
	}
	return nil
}
