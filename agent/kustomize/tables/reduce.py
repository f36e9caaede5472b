#!/usr/bin/env python3
"""Reduces an OpenAPI document of Kubernetes to what a strategic merge needs.

    reduce.py swagger.json > merge-keys.txt

Output, one line each:
    k <apiVersion> <kind> <type>          the type of a kind
    t <type> <field>=<target> ...         the fields of a type that lead to a merged list

A target is `<type>` for a mapping, `*<keys>:<type>` for a list merged by those keys (comma separated; none: a list of
scalars merged by value), with an empty type where nothing below merges. The field `{}` stands for any other key.
"""
import json
import sys

doc = json.load(open(sys.argv[1]))
defs = doc["definitions"]


def ref(schema):
    target = schema.get("$ref", "")
    return target.rsplit("/", 1)[1] if target else None


def merged(schema):
    return "merge" in schema.get("x-kubernetes-patch-strategy", "").split(",")


def keys(schema):
    if "x-kubernetes-list-map-keys" in schema:
        return schema["x-kubernetes-list-map-keys"]
    key = schema.get("x-kubernetes-patch-merge-key")
    return [key] if key else []


edges = {}
for name, schema in defs.items():
    fields = {}
    properties = dict(schema.get("properties", {}))
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        properties["{}"] = extra
    for field, value in properties.items():
        if merged(value):
            fields[field] = ("*" + ",".join(keys(value)), ref(value.get("items", {})))
        elif ref(value):
            fields[field] = ("", ref(value))
    edges[name] = fields

# A type matters when a merged list can be reached from it.
useful = {n for n, f in edges.items() if any(mark for mark, _ in f.values())}
while True:
    more = {n for n, f in edges.items() if n not in useful and any(t in useful for _, t in f.values())}
    if not more:
        break
    useful |= more

order = {name: name for name in useful}
lines = []
for name in sorted(useful):
    fields = []
    for field, (mark, target) in sorted(edges[name].items()):
        to = order.get(target, "")
        if mark:
            fields.append(f"{field}={mark}:{to}")
        elif to:
            fields.append(f"{field}={to}")
    lines.append(f"t {order[name]} {' '.join(fields)}")
kinds = set()
for name, schema in defs.items():
    for gvk in schema.get("x-kubernetes-group-version-kind", []) or []:
        version = gvk["version"] if not gvk.get("group") else f"{gvk['group']}/{gvk['version']}"
        if name in order and not gvk["kind"].endswith("List") and "properties" in schema and "kind" in schema["properties"]:
            kinds.add((version, gvk["kind"], order[name]))
lines += [f"k {v} {k} {t}" for v, k, t in sorted(kinds)]
print("\n".join(lines))
