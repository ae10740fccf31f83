/**
 * A package of AWS's own, loaded when it is needed: each is as large as all the rest, and most environments need none.
 * @param load imports it by its name, which the bundle has to see
 * @throws when it is not installed
 */
export async function loadSdk<T>(name: string, load: () => Promise<T>): Promise<T> {
  // Which Node a later version of the SDK will need is nothing that an operator can act on.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return load().catch(() => {
    throw new Error(`the npm package ${name} cannot be loaded; npm ci in the checkout`);
  });
}
