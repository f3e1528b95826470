const TWO_WORDS = /[a-z]{2,},? [a-z]{2,}/i;

/**
 * Whether a node of the syntax tree is a text for people: a literal with two consecutive words, such as the message of
 * an error. Tests assert the code, and not the text.
 */
export function isProse(node: {
  readonly type: string;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
}): boolean {
  if (node.type === 'StringLiteral') return TWO_WORDS.test(String(node.value));
  return node.type === 'TemplateLiteral' && node.quasis!.some(({ value }) => TWO_WORDS.test(value.raw));
}
