package record

import "fmt"

// Form is how the records of a server access log are written. S3 can deliver a bucket's in
// both forms at once.
type Form uint8

// The forms; 0 is none, or any.
const (
	Text Form = iota + 1 // lines of fields, S3's own delivery
	JSON                 // objects, CloudWatch's log delivery
)

// Forms lists every Form in the order of its values.
func Forms() []Form { return []Form{Text, JSON} }

// String returns the form's name, which is empty for none.
func (f Form) String() string {
	switch f {
	case Text:
		return "text"
	case JSON:
		return "json"
	}
	return ""
}

// ParseForm returns the form that has a name. Its error is one line.
func ParseForm(name string) (Form, error) {
	for _, f := range Forms() {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%q is neither %s nor %s", name, Text, JSON)
}
