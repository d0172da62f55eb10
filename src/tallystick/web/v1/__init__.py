"""The JSON interface at /v1, made from tables: endpoints, fields of requests, objects of answers, problems."""
