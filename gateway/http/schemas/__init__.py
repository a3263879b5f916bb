"""The shapes of REST bodies, queries and answers: camelCase outside, snake_case inside, strict on what comes in."""
