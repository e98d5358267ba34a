// What the server gave the page along: words of its language, the catalogue, addresses.

const data = JSON.parse(document.getElementById("page-data").textContent);

export default data;

/** Words of the page's language, with {places} filled in. */
export function words(key, values = {}) {
  return data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Fetch JSON of the API; rejects with the status where it is no success. */
export async function ask(path, parameters, signal) {
  const answer = await fetch(`${data.root}/api/v1/${path}?${new URLSearchParams(parameters)}`, { signal });
  if (!answer.ok) {
    throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  }
  return answer.json();
}
