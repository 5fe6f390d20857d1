function hello(request) {
	request.headersOut["Content-Type"] = "text/plain";
	request.return(200, "hello, world\n");
}
export default { hello };
