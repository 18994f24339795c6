// List-valued fields (RFC 9110 5.6.1): the members of all lines of one name, in order, as views.
//
// Lenient where the RFC asks recipients to be: empty members are given as empty views (callers skip them), a
// quoted string may hold commas, an unfinished one runs to the end of its line. Nothing is unquoted or
// decoded.
//
// Thread rule: pure functions on borrowed memory.
#pragma once

#include <string_view>

#include "edge/http/fields.h"

namespace perigee::http {

class ListMembers {
 public:
  // name: in any case. The field list and the name must outlive this object.
  ListMembers(const FieldList& fields, std::string_view name)
      : fields_(&fields), name_(name), id_(field_id(name)) {}
  // The members of one line.
  explicit ListMembers(std::string_view line) : line_(line), in_line_(true) {}

  // The next member without white space around it. A line without any text is one empty member.
  bool next(std::string_view& member);

 private:
  bool next_line();

  const FieldList* fields_ = nullptr;
  std::string_view name_;
  FieldId id_ = FieldId::other;
  size_t row_ = 0;
  std::string_view line_;
  bool in_line_ = false;
};

}  // namespace perigee::http
