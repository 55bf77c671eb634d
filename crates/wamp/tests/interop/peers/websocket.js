// Gives Node the WebSocket that it has of its own from version 22 on, which Autobahn|JS relies on.
"use strict";

globalThis.WebSocket ??= require("ws").WebSocket;
