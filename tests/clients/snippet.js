// Prints Segment's published snippet: node snippet.js HOST KEY
"use strict";
const [, , host, key] = process.argv;
process.stdout.write(require("@segment/snippet").min({ host, apiKey: key, page: false }));
