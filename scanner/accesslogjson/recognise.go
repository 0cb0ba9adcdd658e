package accesslogjson

// likely is how many members an object must have of those of a record to be taken for one.
const likely = 4

// IsRecord reports whether an object with these members, of which there may be more, is
// likely to be a record.
func IsRecord(members []string) bool {
	found := 0
	for _, member := range members {
		for i := range names {
			if names[i].Text == member {
				found++
			}
		}
	}
	return found >= likely
}
