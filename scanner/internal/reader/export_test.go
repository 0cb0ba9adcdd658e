package reader

// MaxKinds is how many kinds of objects are remembered.
const MaxKinds = maxKinds

// Remember sets how many kinds of objects are remembered.
func (r *Recogniser) Remember(kinds int) { r.kinds.most = kinds }
