// Starts the reference. Everything it needs to know stands in the page.
"use strict";

const place = document.getElementById("reference");

// Swagger UI has a dark theme, but no idea of what the reader's system prefers.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

window.ui = SwaggerUIBundle({
  url: place.dataset.openapi,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // The key stays in this tab.
  persistAuthorization: false,
  queryConfigEnabled: false,
  // Nobody else is told about this API.
  validatorUrl: null,
});
