// Shows what this server's routes take and answer. Log in by "Authorize", with the access token of POST /users/login.

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: true,
  // Nothing leaves this server.
  validatorUrl: null,
});
