package main

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// change makes a resource, or changes the one in prior, and completes planned.
// It tells whether planned is what exists after it: what a hook could not boot exists, what AWS refused does not.
func (s *server) change(typeName string, prior, planned values) (exists bool, err error) {
	if prior == nil {
		it, err := s.create(typeName, planned)
		if err != nil {
			return false, err
		}
		return true, s.runHook("create", typeName, it)
	}
	it, err := s.complete(typeName, planned)
	if err == nil {
		err = s.runHook("update", typeName, it)
	}
	if err == nil {
		err = s.save(typeName, factsOf(prior).text("id"), it)
	}
	return err == nil, err
}

// create does under one lock what must not happen twice at once, as two network interfaces that take one address.
func (s *server) create(typeName string, planned values) (facts, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if refuse := refusals[typeName]; refuse != nil {
		if err := refuse(&creation{s, factsOf(planned)}); err != nil {
			return nil, err
		}
	}
	it, err := s.complete(typeName, planned)
	if err != nil {
		return nil, err
	}
	return it, s.save(typeName, "", it)
}

// complete decides what was left open: null, where no rule says what it is.
func (s *server) complete(typeName string, planned values) (facts, error) {
	it := factsOf(planned)
	for _, rule := range computedValues[typeName] {
		if planned[rule.attribute].IsKnown() {
			continue
		}
		value, err := rule.value(&creation{s, it})
		if err != nil {
			return nil, err
		}
		it[rule.attribute] = value
	}
	for name, member := range s.Resources[typeName] {
		if member.Block != "" || planned[name].IsKnown() {
			continue
		}
		value, err := valueOf(member.Type.Type, it[name])
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", typeName, name, err)
		}
		planned[name] = value
	}
	return it, nil
}

// save keeps a resource, in the place of the one of a former id.
func (s *server) save(typeName, formerID string, it facts) error {
	if !s.isAws() {
		return nil
	}
	id := it.text("id")
	if id == "" {
		return fmt.Errorf("InvalidParameterValue: what %s belongs to does not exist", typeName)
	}
	if id != formerID {
		taken, err := s.store.read(typeName, id)
		if err != nil {
			return err
		}
		if taken != nil {
			return fmt.Errorf("EntityAlreadyExists: %s %s already exists", typeName, id)
		}
	}
	if err := s.store.write(typeName, id, it); err != nil {
		return err
	}
	if formerID != "" && formerID != id {
		return s.store.remove(typeName, formerID)
	}
	return nil
}

// destroy removes what exists, where nothing else needs it.
func (s *server) destroy(typeName string, it facts) error {
	if !s.isAws() {
		return nil
	}
	id := it.text("id")
	// With force_destroy the provider lifts the protection itself: https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/resources/instance
	if it["disable_api_termination"] == true && it["force_destroy"] != true {
		return fmt.Errorf("OperationNotPermitted: The instance '%s' may not be terminated. "+
			"Modify its 'disableApiTermination' instance attribute and try again.", id)
	}
	for _, use := range uses[typeName] {
		users, err := s.store.users(use.by, use.attribute, id)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fmt.Errorf(use.refusal+" (%s)", id, users[0].text("id"))
		}
	}
	if err := s.runHook("destroy", typeName, it); err != nil {
		return err
	}
	return s.store.remove(typeName, id)
}

// find returns what became of a resource; nil when it is gone, or what it was a part of.
func (s *server) find(typeName string, it facts) (facts, error) {
	for attribute, whole := range partOf[typeName] {
		found, err := s.store.read(whole, it.text(attribute))
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, s.store.remove(typeName, it.text("id"))
		}
	}
	return s.store.read(typeName, it.text("id"))
}

// planOfAws fills in what the real provider knows at plan time already.
func (s *server) planOfAws(resource block, config, planned values) {
	if _, has := resource["region"]; has && config["region"].IsNull() {
		planned["region"] = tftypes.NewValue(tftypes.String, s.region)
	}
	if _, has := resource["tags_all"]; has {
		planned["tags_all"] = s.withDefaultTags(planned["tags"])
	}
}

func (s *server) withDefaultTags(tags tftypes.Value) tftypes.Value {
	mapType := tftypes.Map{ElementType: tftypes.String}
	if !tags.IsKnown() {
		return tftypes.NewValue(mapType, tftypes.UnknownValue)
	}
	all := map[string]tftypes.Value{}
	for name, value := range s.defaultTags {
		all[name] = value
	}
	for name, value := range membersOf(tags) {
		all[name] = value
	}
	return tftypes.NewValue(mapType, all)
}
