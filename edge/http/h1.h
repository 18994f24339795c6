// HTTP/1.1 messages (RFC 9112): reading heads, telling content from framing, writing.
//
// Thread rule: as the three headers say, one owner per object.
#pragma once

#include "edge/http/h1_body.h"
#include "edge/http/h1_reader.h"
#include "edge/http/h1_writer.h"
