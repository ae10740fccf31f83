package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// computedValues says what each computed attribute is in a new resource. There is no placeholder for the others: one
// would be wrong wherever its meaning matters to a reader.
var computedValues = map[string]func() tftypes.Value{
	"id": func() tftypes.Value { return tftypes.NewValue(tftypes.String, fmt.Sprint(rand.Int64())) },
}
