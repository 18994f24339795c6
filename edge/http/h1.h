// HTTP/1.1 messages (RFC 9112): reading heads, telling content from framing, writing.
#pragma once

#include "edge/http/h1_body.h"
#include "edge/http/h1_reader.h"
#include "edge/http/h1_writer.h"
