# driftd_embed_web(target): compiles the files of web/ into the target; see daemon/web_files.h.
#
# The generated source is made anew when a file changes, comes or goes. Licences and READMEs are for
# readers of the source and are not served.
set(DRIFTD_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)

function(driftd_embed_web target)
  set(web ${PROJECT_SOURCE_DIR}/web)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/web_files.cc)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${web} ${web}/*)
  list(FILTER files EXCLUDE REGEX "(^|/)(README|LICENSE|\\.)[^/]*$")
  list(SORT files)
  list(TRANSFORM files PREPEND ${web}/ OUTPUT_VARIABLE sources)
  # A semicolon would part the list on its way through the command line.
  string(REPLACE ";" "," joined "${files}")
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DWEB=${web} -DFILES=${joined} -DOUTPUT=${generated}
            -P ${DRIFTD_EMBED_SCRIPT}
    DEPENDS ${sources} ${DRIFTD_EMBED_SCRIPT}
    COMMENT "Embedding the status page"
    VERBATIM)
  target_sources(${target} PRIVATE ${generated})
endfunction()
