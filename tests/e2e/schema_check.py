"""As much of JSON Schema 2020-12 as Weir's own schemas use; a keyword that is not known here fails the test."""

IGNORED = {"$schema", "title", "description", "default", "examples", "format"}
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}


def problems(schema, value, at="$"):
    """Returns what is wrong with `value`, as a list of sentences."""
    found = []
    for key, rule in schema.items():
        if key in IGNORED or key in ("required", "properties", "additionalProperties") and not isinstance(value, dict):
            continue
        if key == "type":
            kinds = rule if isinstance(rule, list) else [rule]
            if not any(TYPES[kind](value) for kind in kinds):
                found.append(f"{at}: {value!r} is no {rule}")
        elif key == "enum":
            if value not in rule:
                found.append(f"{at}: {value!r} is none of {rule}")
        elif key == "const":
            if value != rule:
                found.append(f"{at}: {value!r} is not {rule!r}")
        elif key == "required":
            found += [f"{at}: {name} is missing" for name in rule if name not in value]
        elif key == "properties":
            for name, below in rule.items():
                if name in value:
                    found += problems(below, value[name], f"{at}.{name}")
        elif key == "additionalProperties":
            if rule is False:
                found += [f"{at}: {name} is not described" for name in value if name not in schema.get("properties", {})]
        elif key == "items":
            if isinstance(value, list):
                for i, item in enumerate(value):
                    found += problems(rule, item, f"{at}[{i}]")
        elif key in ("anyOf", "oneOf"):
            if all(problems(each, value, at) for each in rule):
                found.append(f"{at}: {value!r} fits none of {rule}")
        elif key in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
            size = value if key in ("minimum", "maximum") else len(value) if isinstance(value, (str, list)) else None
            if isinstance(size, (int, float)) and not isinstance(size, bool):
                if size < rule if key.startswith("min") else size > rule:
                    found.append(f"{at}: {value!r} against {key} {rule}")
        else:
            found.append(f"{at}: the keyword {key} is not known to this test")
    return found
