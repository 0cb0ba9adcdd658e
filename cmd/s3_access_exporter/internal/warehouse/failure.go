package warehouse

import "strings"

// isNoTable reports whether an engine's message is of a table, or a column of it, that is
// not there.
func isNoTable(message string) bool {
	for _, name := range []string{"TABLE_NOT_FOUND", "COLUMN_NOT_FOUND", "SCHEMA_NOT_FOUND"} {
		if strings.Contains(message, name) {
			return true
		}
	}
	return false
}

// oneLine returns a text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
