package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// store is the folder of what exists, as <type>/<id>.json. A test may put something there, or take it away, as if
// somebody had done it in AWS.
type store struct{ folder string }

var errNoStore = errors.New("STANDIN_STORE is not set: name a folder where the tests' stand-in provider keeps what exists")

func (s store) file(typeName, id string) string {
	return filepath.Join(s.folder, typeName, url.PathEscape(id)+".json")
}

// read returns nil for what does not exist.
func (s store) read(typeName, id string) (facts, error) {
	if s.folder == "" {
		return nil, errNoStore
	}
	return readFacts(s.file(typeName, id))
}

func readFacts(file string) (facts, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := facts{}
	return found, json.Unmarshal(text, &found)
}

// write appears as a whole: others read while it writes.
func (s store) write(typeName, id string, it facts) error {
	if s.folder == "" {
		return errNoStore
	}
	text, err := json.MarshalIndent(it, "", "  ")
	if err != nil {
		return err
	}
	file := s.file(typeName, id)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (s store) remove(typeName, id string) error {
	if s.folder == "" {
		return errNoStore
	}
	err := os.Remove(s.file(typeName, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// all returns everything of a type, in order of its ids.
func (s store) all(typeName string) ([]facts, error) {
	if s.folder == "" {
		return nil, errNoStore
	}
	entries, err := os.ReadDir(filepath.Join(s.folder, typeName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var result []facts
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		found, err := readFacts(filepath.Join(s.folder, typeName, entry.Name()))
		if err != nil {
			return nil, err
		}
		if found != nil {
			result = append(result, found)
		}
	}
	return result, nil
}

// users returns what of a type has a name in an attribute, or among the elements of one.
func (s store) users(typeName, attribute, name string) ([]facts, error) {
	all, err := s.all(typeName)
	return slices.DeleteFunc(all, func(it facts) bool {
		return it.text(attribute) != name && !slices.Contains(it.texts(attribute), name)
	}), err
}
