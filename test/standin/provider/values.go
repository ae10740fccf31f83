package main

import (
	"encoding/json"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// values is a resource's attributes and nested blocks by name; nil for a resource that is not there.
type values map[string]tftypes.Value

func (b block) read(dynamic *tfprotov5.DynamicValue) (values, error) {
	value, err := dynamic.Unmarshal(b.valueType())
	if err != nil {
		return nil, err
	}
	return membersOf(value), nil
}

func (b block) write(all values) (*tfprotov5.DynamicValue, error) {
	valueType := b.valueType()
	dynamic, err := tfprotov5.NewDynamicValue(valueType, tftypes.NewValue(valueType, map[string]tftypes.Value(all)))
	return &dynamic, err
}

// membersOf returns an object's attributes by name; nil where there is none.
func membersOf(value tftypes.Value) values {
	var all map[string]tftypes.Value
	if !value.IsKnown() || value.IsNull() || value.As(&all) != nil {
		return nil
	}
	return all
}

// elementsOf returns a collection's elements; none of one that is null or unknown.
func elementsOf(value tftypes.Value) []tftypes.Value {
	var all []tftypes.Value
	if value.IsKnown() && !value.IsNull() {
		_ = value.As(&all)
	}
	return all
}

// elementsOf returns what is in a nested block's braces, for each pair of them.
func (m member) elementsOf(value tftypes.Value) []values {
	if m.Block == "single" {
		return []values{membersOf(value)}
	}
	var all []values
	for _, element := range elementsOf(value) {
		all = append(all, membersOf(element))
	}
	return all
}

// facts is a resource as JSON has it: rules and tests read it so. What is null or not yet known is nil.
type facts map[string]any

func factsOf(all values) facts {
	result := facts{}
	for name, value := range all {
		result[name] = plain(value)
	}
	return result
}

func plain(value tftypes.Value) any {
	if !value.IsKnown() || value.IsNull() {
		return nil
	}
	switch t := value.Type(); {
	case t.Is(tftypes.String):
		var text string
		_ = value.As(&text)
		return text
	case t.Is(tftypes.Bool):
		var truth bool
		_ = value.As(&truth)
		return truth
	case t.Is(tftypes.Number):
		number := &big.Float{}
		_ = value.As(&number)
		return json.Number(number.Text('f', -1))
	case t.Is(tftypes.Object{}), t.Is(tftypes.Map{}):
		return map[string]any(factsOf(membersOf(value)))
	default:
		all := []any{}
		for _, element := range elementsOf(value) {
			all = append(all, plain(element))
		}
		return all
	}
}

// valueOf is the way back. Names that the type does not have are left out.
func valueOf(t tftypes.Type, it any) (tftypes.Value, error) {
	text, err := json.Marshal(it)
	if err != nil {
		return tftypes.Value{}, err
	}
	return tftypes.ValueFromJSONWithOpts(text, t, tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true})
}

// text is a string of the resource; empty where there is none.
func (f facts) text(name string) string {
	text, _ := f[name].(string)
	return text
}

// texts is the strings of a list or set.
func (f facts) texts(name string) []string {
	all, _ := f[name].([]any)
	var result []string
	for _, it := range all {
		if text, ok := it.(string); ok {
			result = append(result, text)
		}
	}
	return result
}

// blocks is the nested blocks of a name.
func (f facts) blocks(name string) []facts {
	all, _ := f[name].([]any)
	var result []facts
	for _, it := range all {
		if members, ok := it.(map[string]any); ok {
			result = append(result, members)
		}
	}
	return result
}
