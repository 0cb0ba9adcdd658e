// What hcl2json makes of a resource, held against the provider's schema, which
// CDK for Terraform publishes as types.

// An expression stands for a value of any type.
type Expression = `\${${string}`;

// A block comes as a list, also where the schema allows one alone.
export type Blocks<T> = T extends readonly (infer Element)[]
	? Blocks<Element>[]
	: T extends object
		? { [Key in keyof T]: Blocks<T[Key]> } | [{ [Key in keyof T]: Blocks<T[Key]> }]
		: T | Expression;
