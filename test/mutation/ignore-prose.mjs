// A plugin of Stryker. It leaves texts for people alone: a literal with two words side by side, such as the message
// of an error, in which a test asserts the code and not the text.
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

const TWO_WORDS = /[a-z]{2,},? [a-z]{2,}/i;

/** The texts of a literal; none for other nodes. */
function textsOf(node) {
  if (node.type === 'StringLiteral') return [node.value];
  if (node.type === 'TemplateLiteral') return node.quasis.map(({ value }) => value.raw);
  return [];
}

const ignorer = {
  shouldIgnore({ node }) {
    return textsOf(node).some((text) => TWO_WORDS.test(text)) ? 'a text for people' : undefined;
  },
};

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'prose', ignorer)];
