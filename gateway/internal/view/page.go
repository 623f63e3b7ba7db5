package view

// Page is one page of a list, as every list route answers it.
type Page[T any] struct {
	Data       []T        `json:"data"`
	Pagination Pagination `json:"pagination"`
}

// Pagination is a page's position in the whole list.
type Pagination struct {
	Total   int  `json:"total"`
	Limit   int  `json:"limit"`
	Offset  int  `json:"offset"`
	HasMore bool `json:"has_more"`
}

// NewPage returns a page of items, which start at offset in a list of total items.
func NewPage[T any](items []T, total, limit, offset int) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{items, Pagination{total, limit, offset, offset+len(items) < total}}
}

// CutPage cuts the page of at most limit items from offset on out of all. It is empty if offset is
// beyond the end.
func CutPage[T any](all []T, limit, offset int) Page[T] {
	from := min(offset, len(all))
	return NewPage(all[from:min(from+limit, len(all))], len(all), limit, offset)
}
