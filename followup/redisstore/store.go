package redisstore

import (
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// Store implements followup.Store on Redis.
type Store struct {
	db         redis.UniversalClient
	partitions int
	newToken   func() string // of claims and requests
}

func token() string { return uuid.NewString() }
