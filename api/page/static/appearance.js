// Light, dark, or as the device has it: changed at once, and remembered for the server's next answer.

const links = document.querySelectorAll(".appearance [data-appearance]");

for (const link of links) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const chosen = link.dataset.appearance;
    document.documentElement.dataset.appearance = chosen;
    const path = new URL(link.href).pathname.replace(/[^/]*$/, "");
    document.cookie = `appearance=${chosen}; Max-Age=31536000; Path=${path}; SameSite=Lax`;
    links.forEach((each) => each.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    document.dispatchEvent(new Event("appearance"));
  });
}
