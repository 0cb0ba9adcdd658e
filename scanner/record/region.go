package record

// IsRegion reports whether text has the form of an AWS Region: three parts or more
// with dashes between them, of which the last is a number of one to four digits and
// the others are lower-case letters, the first of them two to four: eu-west-1,
// us-gov-east-1, us-isof-south-1, eusc-de-east-1. It knows no list, so that a Region
// that opens tomorrow is one. The form is the one that the patterns of all partitions
// in the endpoint rules of AWS's SDKs allow, with words for their \w; stores of other
// vendors keep to it (us-west-004).
func IsRegion[T ~string | ~[]byte](text T) bool {
	const (
		maxLength          = 32
		minFirst, maxFirst = 2, 4
		maxDigits          = 4
	)
	if len(text) > maxLength {
		return false
	}
	parts, start := 0, 0 // parts of letters so far, and where the present one begins
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z':
		case c == '-':
			length := i - start
			if length == 0 || parts == 0 && (length < minFirst || length > maxFirst) {
				return false
			}
			parts, start = parts+1, i+1
		case '0' <= c && c <= '9':
			return parts >= 2 && i == start && isDigits(text[i:], maxDigits)
		default:
			return false
		}
	}
	return false
}

// isDigits reports whether text is digits only, one of them or more.
func isDigits[T ~string | ~[]byte](text T, most int) bool {
	for i := range len(text) {
		if c := text[i]; c < '0' || c > '9' {
			return false
		}
	}
	return 0 < len(text) && len(text) <= most
}
