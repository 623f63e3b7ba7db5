package view

// Page is a list as every listing answers it.
type Page[T any] struct {
	Data       []T        `json:"data"`
	Pagination Pagination `json:"pagination"`
}

// Pagination says where in the whole list a page stands.
type Pagination struct {
	Total   int  `json:"total"`
	Limit   int  `json:"limit"`
	Offset  int  `json:"offset"`
	HasMore bool `json:"has_more"`
}

// NewPage wraps items that are one page of total already.
func NewPage[T any](items []T, total, limit, offset int) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{items, Pagination{total, limit, offset, offset+len(items) < total}}
}

// CutPage cuts one page out of all items.
func CutPage[T any](all []T, limit, offset int) Page[T] {
	from := min(offset, len(all))
	return NewPage(all[from:min(from+limit, len(all))], len(all), limit, offset)
}
